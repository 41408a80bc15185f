package sim

import (
	"maps"
	"sync"
)

// MPRequest is a kind of request to a management point; its fields are those of MPEntry. To a question, an empty field means
// all.
type MPRequest struct {
	Directory, Endpoint, Request, Machine string
	// Refused is about requests that were answered with nothing; otherwise those count too.
	Refused bool
}

func (q MPRequest) covers(r MPRequest) bool {
	return (q.Directory == "" || q.Directory == r.Directory) && (q.Endpoint == "" || q.Endpoint == r.Endpoint) &&
		(q.Request == "" || q.Request == r.Request) && (q.Machine == "" || q.Machine == r.Machine) && (!q.Refused || r.Refused)
}

// MPToken is what a token was issued for. To a question, an empty field means all.
type MPToken struct {
	// Machine is the NetBIOS name that it registered with. Empty for who did not say one.
	Machine string
	// Audience is AudienceSite, or the host of a cloud's URL, with its port when it has one.
	Audience string
}

// AudienceSite is the audience of tokens for the distribution points of a site.
const AudienceSite = "site"

// MPTally counts the requests to a management point, and the tokens that it issued. It is safe for concurrent use.
type MPTally struct {
	mu       sync.Mutex
	requests map[MPRequest]int
	tokens   map[MPToken]int
}

func newMPTally() *MPTally {
	return &MPTally{requests: map[MPRequest]int{}, tokens: map[MPToken]int{}}
}

func (t *MPTally) request(r MPRequest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests[r]++
}

func (t *MPTally) issue(r MPToken) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokens[r]++
}

// Requests is how many requests of a kind came. MPRequest{} is all.
func (t *MPTally) Requests(of MPRequest) (sum int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for r, n := range t.requests {
		if of.covers(r) {
			sum += n
		}
	}
	return sum
}

// Tokens is how many tokens were issued. MPToken{} is all.
func (t *MPTally) Tokens(of MPToken) (sum int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, n := range t.tokens {
		if (of.Machine == "" || of.Machine == k.Machine) && (of.Audience == "" || of.Audience == k.Audience) {
			sum += n
		}
	}
	return sum
}

// Issued is how many tokens were issued for each machine and audience.
func (t *MPTally) Issued() map[MPToken]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.tokens)
}

// Reset sets everything to zero.
func (t *MPTally) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.requests)
	clear(t.tokens)
}
