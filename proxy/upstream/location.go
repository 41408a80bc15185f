package upstream

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// location is one DP: configured, learned from a client's request, or named by a site. What may change in it guards itself.
type location struct {
	base       endpoint
	token      endpoint // of the token endpoint; zero when it gets no token of ours
	hierarchy  string
	audience   string
	configured bool
	located    bool   // a site named it: it stands in for a content for as long as the site says so
	label      string // in metrics

	slots  chan struct{} // one for each body that is under way
	health *health
	// asksAuth is until when the plain directories are known to ask for authentication; they did, and our token was let in.
	asksAuth *moment
	// tokenAway is until when the token endpoint is left alone, because it failed.
	tokenAway *moment
}

// moment is a time that is set and looked at by several goroutines. A zero one has passed.
type moment struct{ at atomic.Int64 } // Unix nanoseconds

func (m *moment) in(d time.Duration) { m.at.Store(time.Now().Add(d).UnixNano()) }
func (m *moment) ahead() bool        { return time.Now().UnixNano() < m.at.Load() }

// newLocation checks one DP; c has its defaults. It is not ready yet.
func newLocation(c Config, l Location) (*location, error) {
	base, err := parseEndpoint(l.Base)
	if err != nil {
		return nil, fmt.Errorf("its Base: %w", err)
	}
	if strings.HasPrefix(l.Hierarchy, learnedPrefix) {
		return nil, fmt.Errorf("Hierarchy %q: the prefix %q is kept for hosts that are not configured", l.Hierarchy, learnedPrefix)
	}
	loc := &location{base: base, hierarchy: l.Hierarchy, audience: l.Audience}
	if err := loc.placeToken(c, l); err != nil {
		return nil, fmt.Errorf("TokenBase of %s: %w", base, err)
	}
	return loc, nil
}

// placeToken works out where the token endpoint of l is.
func (loc *location) placeToken(c Config, l Location) (err error) {
	switch {
	case l.Audience == "" && l.TokenBase != "":
		return errors.New("it is of no use without an Audience")
	case l.Audience == "":
		return nil
	case l.TokenBase != "":
		if loc.token, err = parseEndpoint(l.TokenBase); err != nil {
			return err
		}
		if loc.token.scheme != "https" {
			return errors.New("must be https: a token is never sent in clear")
		}
	case loc.base.scheme == "https":
		loc.token = loc.base
	default:
		name, _, _ := net.SplitHostPort(loc.base.host)
		loc.token = endpoint{"https", net.JoinHostPort(name, strconv.Itoa(c.TokenEndpointPort))}
	}
	return nil
}

// ready gives the location what it needs to serve.
func (loc *location) ready(c Config) {
	loc.slots = make(chan struct{}, c.MaxConnsPerHost)
	loc.health = newHealth(c)
	loc.asksAuth, loc.tokenAway = new(moment), new(moment)
}
