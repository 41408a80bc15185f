package site

import (
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"branchpoint/tokenbroker/ccm"
)

const (
	// maxLists and maxListed bound the lists of cloud content that are kept, and the files in all of them.
	maxLists  = 64
	maxListed = 1 << 16
	// endMargin is how long before its URLs end a list is not used any more.
	endMargin = time.Minute
	// listAge is how long a list is kept whose URLs do not say when they end.
	listAge = 5 * time.Minute
)

// listKey names the list of a content at a cloud distribution point.
type listKey struct {
	content ccm.Content // as fold has it
	url     string      // without its query
	target  digest      // of the whole URL, where the content is not known; otherwise zero
}

// list is a list that was had. It is never changed.
type list struct {
	files []ccm.CloudFile
	until time.Time
}

// lists keeps lists until their URLs end.
type lists struct {
	mu    sync.Mutex
	kept  *simplelru.LRU[listKey, list]
	files int // in all lists
}

func newLists() *lists {
	l := &lists{}
	l.kept, _ = simplelru.NewLRU(maxLists, func(_ listKey, gone list) { l.files -= len(gone.files) }) // fails only for a size below one
	return l
}

// get returns a list whose URLs are good.
func (l *lists) get(k listKey, now time.Time) ([]ccm.CloudFile, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept, ok := l.kept.Get(k)
	if ok && !now.Before(kept.until) {
		l.kept.Remove(k)
		return nil, false
	}
	return kept.files, ok
}

// put keeps a list, unless it is larger than all are to be together.
func (l *lists) put(k listKey, files []ccm.CloudFile, now time.Time) {
	until := endOf(files, now)
	if len(files) > maxListed || !now.Before(until) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept.Remove(k)
	for l.files+len(files) > maxListed {
		l.kept.RemoveOldest()
	}
	l.files += len(files)
	l.kept.Add(k, list{files, until})
}

// endOf is when the first of the URLs is not used any more. The field "se" of a signed URL says when it ends, in UTC (Storage
// REST docs, "Create a service SAS").
func endOf(files []ccm.CloudFile, now time.Time) time.Time {
	var first time.Time
	for _, f := range files {
		u, err := url.Parse(f.URL.Reveal())
		if err != nil {
			continue
		}
		if at := sasTime(u.Query().Get("se")); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	if first.IsZero() {
		return now.Add(listAge)
	}
	return first.Add(-endMargin)
}

// sasTime reads a time in the forms of a signed URL. Zero: it is none.
func sasTime(text string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	return time.Time{}
}
