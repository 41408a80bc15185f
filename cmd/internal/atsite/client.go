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

// Keeping is the client of a way that keeps what the site says of the registration, the same one each time. Nil: there is no
// such way.
func (e *Ends) Keeping(way string) *Keeping { return e.keeping[way] }

// Confirm asks how the registration stands, and keeps the answer. That it cannot be kept, by an account that only reads, or since
// it is about another client, changes nothing.
func (k *Keeping) Confirm(ctx context.Context) (ccm.Registration, error) {
	answer, err := k.Client.Confirm(ctx)
	if err == nil && k.identity != nil {
		_, _ = k.identity.SaveState(answer)
	}
	return answer, err
}
