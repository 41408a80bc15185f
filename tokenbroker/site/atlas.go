package site

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"branchpoint/tokenbroker/ccm"
)

const (
	// maxContents bounds the contents whose locations are kept.
	maxContents = 4096
	// maxLocations bounds what is kept of one answer: the best. A site names a handful, if its boundaries are in order.
	maxLocations = 32
	maxHashes    = 8
)

// newRecent is a map that forgets what was used least recently. Its owner locks it.
func newRecent[K comparable, V any](size int) *simplelru.LRU[K, V] {
	recent, _ := simplelru.NewLRU[K, V](size, nil) // fails only for a size below one
	return recent
}

// atlas keeps where contents are, as each way said it last.
type atlas struct {
	mu       sync.Mutex
	contents *simplelru.LRU[ccm.Content, map[string]said] // by content as fold has it, then by way
}

// said is one answer. Its list is never changed.
type said struct {
	ccm.Locations
	at time.Time // wall time only: the monotonic clock stands still while a machine sleeps
}

func newAtlas() *atlas {
	return &atlas{contents: newRecent[ccm.Content, map[string]said](maxContents)}
}

// put keeps what a way said.
func (a *atlas) put(c ccm.Content, way string, found ccm.Locations, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ways, ok := a.contents.Get(c)
	if !ok {
		ways = map[string]said{}
		a.contents.Add(c, ways)
	}
	ways[way] = said{found, now.Round(0)}
}

// of returns what those ways said about a content, in their order.
func (a *atlas) of(c ccm.Content, ways []string) (all []said) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, _ := a.contents.Get(c)
	for _, name := range ways {
		if one, ok := known[name]; ok {
			all = append(all, one)
		}
	}
	return all
}

// latest is the greatest version of a content of which a location is known, by its id as fold has it. That somebody has asked for a
// version does not say that there is one.
func (a *atlas) latest(id string) (c ccm.Content, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, known := range a.contents.Keys() {
		if known.ID != id || ok && known.Version <= c.Version {
			continue
		}
		for _, one := range a.said(known) {
			if len(one.List) > 0 {
				c, ok = known, true
			}
		}
	}
	return c, ok
}

// said are the answers about a content, by way. The caller holds mu.
func (a *atlas) said(c ccm.Content) map[string]said {
	known, _ := a.contents.Peek(c)
	return known
}

func (a *atlas) len() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.contents.Len()
}

// younger tells whether an answer is not older than age. One of the future, from before a clock was set back, is.
func (s said) younger(age time.Duration, now time.Time) bool {
	old := now.Round(0).Sub(s.at)
	return 0 <= old && old < age
}
