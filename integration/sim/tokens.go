package sim

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// TokensConfig says how a token is presented and refused. Header, format and the status for an expired token are not
// public, so they are settings.
type TokensConfig struct {
	// Header that carries the token. Empty means "Authorization".
	Header string
	// Format of the header's value, with "{token}" in it. Empty means "Bearer {token}".
	Format string
	// ExpiredStatus answers a token that was good once: 401 or 403. Zero means 401. No token, or an unknown one, is 401
	// (SupportArticles KB 4490065).
	ExpiredStatus int
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
}

// Tokens knows the content access tokens that the DPs of a site accept. It is safe for concurrent use.
type Tokens struct {
	header, before, after string
	expiredStatus         int
	now                   func() time.Time

	mu      sync.Mutex
	expires map[string]time.Time
	used    int
	refused int
}

// NewTokens checks the configuration and returns an empty set.
func NewTokens(c TokensConfig) (*Tokens, error) {
	format := orDefault(c.Format, "Bearer {token}")
	before, after, found := strings.Cut(format, "{token}")
	status := orDefault(c.ExpiredStatus, http.StatusUnauthorized)
	switch {
	case !found:
		return nil, fmt.Errorf("token format %q has no {token}", format)
	case status != http.StatusUnauthorized && status != http.StatusForbidden:
		return nil, fmt.Errorf("status %d for an expired token is neither 401 nor 403", status)
	}
	t := &Tokens{
		header:        http.CanonicalHeaderKey(orDefault(c.Header, "Authorization")),
		before:        before,
		after:         after,
		expiredStatus: status,
		now:           c.Now,
		expires:       map[string]time.Time{},
	}
	if t.now == nil {
		t.now = time.Now
	}
	return t, nil
}

// Format implements fmt.Formatter for every verb: a dump shows no token.
func (t *Tokens) Format(w fmt.State, _ rune) {
	_, _ = io.WriteString(w, "[tokens]") // a fmt.State has no error that could be reported from here
}

// Issue makes a new token that is good for the given time.
func (t *Tokens) Issue(life time.Duration) Secret {
	token := NewSecret(rand.Text() + rand.Text())
	t.Accept(token, t.now().Add(life))
	return token
}

// Accept adds a token, or changes until when a token is good.
func (t *Tokens) Accept(token Secret, until time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expires[token.Reveal()] = until
}

// Revoke forgets a token: it is unknown from now on.
func (t *Tokens) Revoke(token Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.expires, token.Reveal())
}

// RevokeAll forgets all tokens: those that there are now are unknown from now on.
func (t *Tokens) RevokeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.expires)
}

// Refused is how many requests showed a token that was not good, or not good any more.
func (t *Tokens) Refused() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused
}

// Used is how many requests showed a good token.
func (t *Tokens) Used() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used
}

// Present puts a token into a request's header the way the DPs of the site want it.
func (t *Tokens) Present(h http.Header, token Secret) {
	h.Set(t.header, t.before+token.Reveal()+t.after)
}

// shown is the token that a request shows, when its header is of our format.
func (t *Tokens) shown(h http.Header) (token string, ok bool) {
	value := h.Get(t.header)
	token, okBefore := strings.CutPrefix(value, t.before)
	token, okAfter := strings.CutSuffix(token, t.after)
	return token, value != "" && okBefore && okAfter
}

// check returns 200, or the status that refuses the request.
func (t *Tokens) check(h http.Header) int {
	token, ok := t.shown(h)
	t.mu.Lock()
	defer t.mu.Unlock()
	until, known := t.expires[token]
	isGood := ok && known && t.now().Before(until)
	if ok && !isGood {
		t.refused++
	}
	switch {
	case !ok || !known:
		return http.StatusUnauthorized
	case !isGood:
		return t.expiredStatus
	}
	t.used++
	return http.StatusOK
}
