package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/tokenbroker/ccm"
)

// Client is what a way is asked with. *ccm.Client is one. It is used by several goroutines at once.
type Client interface {
	// Locate asks where a content is.
	Locate(ctx context.Context, content ccm.Content, place ccm.Place) (ccm.Locations, error)
	// DPToken asks for the token of the site's own distribution points. The error Is ccm.ErrNoToken when the site has none.
	DPToken(ctx context.Context, content ccm.Content, place ccm.Place) (ccm.Token, error)
	// ForgetDPToken says that a distribution point refused a token.
	ForgetDPToken(t ccm.Token)
}

// confirmer is a Client that can ask how the registration stands, as *ccm.Client can.
type confirmer interface {
	Confirm(ctx context.Context) (ccm.Registration, error)
}

// Way is one way to the site.
type Way struct {
	// Name is "mp" for a management point that is asked directly and "cmg" for one behind a gateway. Others are taken as they
	// are, but for "passed". Required.
	Name string
	// Client asks by this way. It has the identity, the transport and the source of CCM tokens. Required, a pointer.
	Client Client
	// Secure says that its answers come over TLS.
	Secure bool
}

// passed is the name of what was said to others and passed by. No way may have it.
const passed = "passed"

const (
	defaultAge   = time.Hour
	defaultRetry = 30 * time.Second
	longestRetry = 5 * time.Minute
)

// Config says how a site is asked.
type Config struct {
	// Ways are tried in this order. At least one.
	Ways []Way
	// SMSID is the id that the site gave to this machine, for Status only. Empty: it is not registered.
	SMSID string
	// Valid says what is wrong with the certificate of this machine at a time, for Status only; nil when nothing is. The text of
	// its error is shown. Nil: nothing is known.
	Valid func(time.Time) error
	// Place says where this machine is, each time that content is located. Nil: nothing is said.
	Place func() ccm.Place
	// Audience says for which audience the token of a location is. Empty: for none. Nil: that of a cloud distribution point is
	// its host, with the port where the URL has one, and that of all others is SiteAudience.
	Audience func(ccm.Location) string
	// SiteAudience is that of the site's own distribution points. Required.
	SiteAudience string
	// Trusted says whether a cloud location is one of the site although it was named over plain HTTP, by which anybody on the way
	// may have named one of his own. What is not trusted is left out of answers: nothing is had from it, and no token goes there.
	// Nil: none is.
	Trusted func(ccm.Location) bool
	// LocationsAge is how long Known offers what the site said. 0 is 1 h. It is offered longer while nobody can be asked.
	LocationsAge time.Duration
	// RetryAfter is how long a way, or a cloud distribution point, that failed is left alone; it doubles with every further
	// failure up to 5 minutes, or stays when it is longer. 0 is 30 s.
	RetryAfter time.Duration
	// Manifests reads the lists of cloud distribution points. Nil: they are not read.
	Manifests *ccm.Manifests
	// Replies reads the answers about content that pass by. Nil: they are not read.
	Replies *ccm.ReplyReader
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
	// Logger gets a line when a way fails or works again, when the registration changes, and for names in answers that nobody
	// knows. Nil discards.
	Logger *slog.Logger
	// Registerer takes the metrics. Nil counts without publishing.
	Registerer prometheus.Registerer
}

func (c Config) withDefaults() Config {
	if c.Place == nil {
		c.Place = func() ccm.Place { return ccm.Place{} }
	}
	if c.Valid == nil {
		c.Valid = func(time.Time) error { return nil }
	}
	if c.Audience == nil {
		own := c.SiteAudience
		c.Audience = func(l ccm.Location) string {
			if l.Cloud {
				return hostOf(l.URL)
			}
			return own
		}
	}
	if c.Trusted == nil {
		c.Trusted = func(ccm.Location) bool { return false }
	}
	if c.LocationsAge == 0 {
		c.LocationsAge = defaultAge
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = defaultRetry
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	switch {
	case len(c.Ways) == 0:
		return errors.New("there is no way to it")
	case c.SiteAudience == "":
		return errors.New("the audience of its distribution points is missing")
	case c.LocationsAge < 0 || c.RetryAfter < 0:
		return errors.New("the age of locations and the pause after a failure must not be negative")
	}
	seen := map[string]bool{}
	for _, w := range c.Ways {
		switch {
		case w.Client == nil:
			return fmt.Errorf("the way %q has no client", w.Name)
		case w.Name == "" || w.Name == passed || len(w.Name) > 32:
			return fmt.Errorf("%.40q is no name for a way", w.Name)
		case seen[w.Name]:
			return fmt.Errorf("there are two ways called %q", w.Name)
		}
		seen[w.Name] = true
	}
	return nil
}
