package upstream

import (
	"net/http"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"branchpoint/proxy/content"
)

// offer is how one client may read a blob: its signed URL, and headers to go with it. Both are secrets.
type offer struct {
	// reveal holds them in a closure, which neither fmt nor an encoder can look into. Nil: there is no offer.
	reveal func() (raw string, header http.Header)
	until  time.Time // zero: it does not say when it ends
}

// maxOfferBytes is how long an offer may be to be kept for others. A signed URL is a few hundred bytes.
const maxOfferBytes = 4 << 10

func newOffer(raw string, header http.Header, until time.Time) offer {
	return offer{reveal: func() (string, http.Header) { return raw, header }, until: until}
}

func (o offer) is(other offer) bool {
	a, _ := o.reveal()
	b, _ := other.reveal()
	return a == b
}

func (o offer) ended(now time.Time) bool { return !o.until.IsZero() && !now.Before(o.until) }

// short tells whether an offer can be kept.
func (o offer) short() bool {
	raw, header := o.reveal()
	n := len(raw)
	for name, values := range header {
		for _, value := range values {
			n += len(name) + len(value)
		}
	}
	return n <= maxOfferBytes
}

// offers are the signed URLs of clients that may read a blob, in memory alone: a download that one client began goes on with
// the URL of another when its own has ended.
type offers struct {
	mu    sync.Mutex
	blobs *lru.Cache[content.ID, []offer] // guarded by mu, so that lists are changed one after the other
}

const (
	// maxOffered is how many blobs are remembered with their offers.
	maxOffered = 1024
	// maxOffers is how many offers of one blob are kept. Those of an office that installs together end together.
	maxOffers = 8
)

func newOffers() *offers {
	o := &offers{}
	o.blobs, _ = lru.New[content.ID, []offer](maxOffered) // fails only for a size below one
	return o
}

// add makes an offer the first that is taken. The same one is kept once.
func (o *offers) add(id content.ID, fresh offer) {
	if !fresh.short() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]offer, 1, maxOffers)
	list[0] = fresh
	for _, other := range o.without(id, fresh) {
		if len(list) < maxOffers {
			list = append(list, other)
		}
	}
	o.blobs.Add(id, list)
}

// others returns the offers of a blob besides one, the one that was added last first.
func (o *offers) others(id content.ID, besides offer) []offer {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.without(id, besides)
}

// drop forgets an offer that was refused.
func (o *offers) drop(id content.ID, refused offer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if list := o.without(id, refused); len(list) > 0 {
		o.blobs.Add(id, list)
		return
	}
	o.blobs.Remove(id)
}

// without returns the offers that have not ended, but one. The caller holds mu.
func (o *offers) without(id content.ID, one offer) (list []offer) {
	all, _ := o.blobs.Get(id)
	now := time.Now()
	for _, other := range all {
		if !other.is(one) && !other.ended(now) {
			list = append(list, other)
		}
	}
	return list
}
