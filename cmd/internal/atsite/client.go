package atsite

import (
	"context"
	"errors"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
	"branchpoint/tokenbroker/site"
)

// Keeping is a client that keeps what the site says of the registration, so that `branchpoint identity show` knows it too, and that
// can tell who answers.
type Keeping struct {
	*ccm.Client
	identity  *identity.Identity
	documents *ccm.Bootstrap
	code      string // of the site
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

// Describe asks who answers. With an error, it returns what the documents of the site say, kept ones when it is away.
func (k *Keeping) Describe(ctx context.Context) (site.Description, error) {
	met, untold, err := meet(ctx, k.Client, k.documents, k.code)
	switch {
	case err == nil, untold != nil && !errors.Is(untold, ccm.ErrOtherSite):
		return met, untold // what the documents say besides may be of a site below this one
	case errors.Is(err, ccm.ErrOtherSite):
		return site.Description{}, err
	}
	return met, err
}
