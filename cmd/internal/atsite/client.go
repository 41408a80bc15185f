package atsite

import (
	"context"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
)

// Keeping is a client that keeps what the site says of the registration, so that `branchpoint identity show` knows it too.
type Keeping struct {
	*ccm.Client
	identity *identity.Identity
}

// Keeping is the client of a way that keeps what the site says of the registration. Nil: there is no such way.
func (e *Ends) Keeping(way string) *Keeping {
	c := e.Ways[way]
	if c == nil {
		return nil
	}
	return &Keeping{c, e.Identity}
}

// Confirm asks how the registration stands, and keeps the answer. That it cannot be kept, by an account that only reads, changes
// nothing.
func (k *Keeping) Confirm(ctx context.Context) (ccm.Registration, error) {
	answer, err := k.Client.Confirm(ctx)
	if err == nil && k.identity != nil {
		_, _ = k.identity.SaveSMSID(answer)
	}
	return answer, err
}
