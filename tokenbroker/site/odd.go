package site

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"branchpoint/tokenbroker/ccm"
)

const (
	// maxOdd bounds the contents of a way of which it is remembered that its answer was odd.
	maxOdd = 256
	// manyOdd is after how many different contents with odd answers, and no good one, it may be the way that is odd.
	manyOdd = 3
)

// oddities are contents for which a way had an answer that does not read, or an empty one. It may be the content: then the way works for all others, and is not to be left alone for the sake of one.
type oddities struct {
	mu    sync.Mutex
	kept  *simplelru.LRU[ccm.Content, oddity]
	alike map[ccm.Content]bool // since the last good answer
}

// oddity is an odd answer, which is the answer for a while.
type oddity struct {
	trouble *trouble
	until   time.Time
}

func newOddities() *oddities {
	return &oddities{kept: newRecent[ccm.Content, oddity](maxOdd), alike: map[ccm.Content]bool{}}
}

// known is the trouble of a moment ago with the content of a question. Nil: there is none.
func (o *oddities) known(q question, now time.Time) *trouble {
	if q.about == nil || q.token {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if one, ok := o.kept.Get(fold(*q.about)); ok && now.Before(one.until) {
		return one.trouble
	}
	return nil
}

// count notes an odd answer, and returns for how many contents there was one and no good one since.
func (o *oddities) count(c ccm.Content) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.alike) < manyOdd {
		o.alike[fold(c)] = true
	}
	return len(o.alike)
}

// keep has the trouble with a content be the answer for a while.
func (o *oddities) keep(c ccm.Content, t *trouble, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Add(fold(c), oddity{t, now.Add(recent)})
}

// over notes a good answer.
func (o *oddities) over() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.alike)
}

// forget has every content asked about again.
func (o *oddities) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Purge()
}

// isOdd tells whether a failure is about the content of a question, or the token that it is for, and not about the way. When that
// is not likely (nothing worked before, or it is so for many contents, or the answer was empty), or nobody knows (it was for a token,
// which another service may give), the way is asked where the content is that every site has. proved says that it has answered then.
func (s *Site) isOdd(ctx context.Context, w *way, q question, err error) (odd, proved bool) {
	said, ok := errors.AsType[*ccm.Error](err)
	_, pending := s.registration.pending()
	few := true
	switch {
	case q.about == nil || !q.token && *q.about == (ccm.Content{}):
		return false, false // it is just that question
	case ok && said.Kind == ccm.ErrProtocol && said.Status == http.StatusOK:
	case errors.Is(err, ccm.ErrRefused) && !pending:
		few = false // it says no to all more often than to one
	default:
		return false, false
	}
	if !q.token && w.odd.count(*q.about) < manyOdd && few && w.circuit.works() {
		return true, false
	}
	_, err = w.client.Locate(ctx, ccm.Content{}, s.terms.Load().place())
	s.metrics.count(w.name, kindOf(err))
	return err == nil, err == nil
}

// isOdd tells whether a question failed for its content, so that one about another content may not.
func isOdd(err error) bool {
	t, ok := errors.AsType[*trouble](err)
	return ok && t.odd
}
