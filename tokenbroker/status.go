package tokenbroker

import (
	"cmp"
	"slices"
	"time"
)

// TokenStatus is what may be shown about one audience.
type TokenStatus struct {
	// Audience is what the token is good for.
	Audience string `json:"audience"`
	// Source is the name of the source that the token came from. Empty means that there is no token.
	Source string `json:"source,omitempty"`
	// Fingerprint is Token.Fingerprint. Empty means that there is no token.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Expires is when the token ends, or when it is taken to have ended if its expiry is not known. Zero means no token.
	Expires time.Time `json:"expires,omitzero"`
	// Since is when this token came into use. Zero means no token.
	Since time.Time `json:"since,omitzero"`
	// Refreshes counts the tokens fetched for the audience.
	Refreshes uint64 `json:"refreshes"`
	// Refusals counts the tokens that a server refused.
	Refusals uint64 `json:"refusals"`
	// LastError is why the last fetch gave no token; empty when it gave one. It never holds a secret.
	LastError string `json:"last_error,omitempty"`
}

// Status returns what is known about each audience, in the order of their names.
func (b *Broker) Status() []TokenStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []TokenStatus
	for _, a := range b.audiences.Values() {
		all = append(all, a.status())
	}
	slices.SortFunc(all, func(x, y TokenStatus) int { return cmp.Compare(x.Audience, y.Audience) })
	return all
}

func (a *audience) status() TokenStatus {
	s := TokenStatus{
		Audience:    a.name,
		Source:      a.source,
		Fingerprint: a.token.Fingerprint(),
		Expires:     a.token.expires,
		Since:       a.since,
		Refreshes:   a.refreshes,
		Refusals:    a.refusals,
	}
	if a.failed != nil {
		s.LastError = a.failed.Error()
	}
	return s
}
