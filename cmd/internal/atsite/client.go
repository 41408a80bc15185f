package atsite

import (
	"context"
	"errors"
	"strings"

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

// Describe asks who answers: the version of the site, and whether it is ours.
func (k *Keeping) Describe(ctx context.Context) (site.Description, error) {
	about, err := k.Client.SiteInformation(ctx)
	switch {
	case errors.Is(err, ccm.ErrOtherSite):
		return site.Description{}, otherSite{"", k.code}
	case err != nil:
		return site.Description{}, err
	case !strings.EqualFold(about.Code, k.code):
		return site.Description{}, otherSite{about.Code, k.code}
	case !isPlain(about.Version):
		return site.Description{}, nil
	}
	return site.Description{Version: about.Version}, nil
}

// Documents reads what the site tells everybody, from before when it does not answer soon.
func (k *Keeping) Documents(ctx context.Context) site.Description {
	met, _ := read(ctx, k.documents)
	return met
}
