package assembly

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"branchpoint/cmd/internal/atsite"
	"branchpoint/configs"
	"branchpoint/proxy"
	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/site"
)

// station is this machine's place in its site. A nil one is a machine without a site.
type station struct {
	site    *site.Site
	ends    *atsite.Ends // in force
	old     *atsite.Ends // to be closed; nil: none
	locator *locator
	again   chan struct{} // has watch ask at once
}

// openStation makes the station of a configuration; nil when that names no site.
func openStation(c *configs.Config, s *shared) (*station, error) {
	if !c.Site.On() {
		return nil, nil
	}
	ends, err := openEnds(c, s.files, s)
	if err != nil {
		return nil, err
	}
	config := siteConfig(c, ends)
	config.Registerer, config.Logger = s.registry, s.log
	asked, err := site.New(config)
	if err != nil {
		ends.Close()
		return nil, fmt.Errorf("preparing the site: %w", err)
	}
	if ends.Identity == nil {
		s.log.Warn("this machine has no identity at its site; `branchpoint identity register` makes one", "directory", c.Identity.Directory)
	}
	return &station{site: asked, ends: ends, locator: newLocator(asked, c), again: make(chan struct{}, 1)}, nil
}

func openEnds(c *configs.Config, read files, s *shared) (*atsite.Ends, error) {
	ends, err := atsite.Open(c, atsite.Options{
		Roots: read.roots, Dial: s.guard.dial, Log: s.log, Documents: documentDirectory(c.Cache.Directory),
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the site: %w", err)
	}
	return ends, nil
}

// documentDirectory is where the documents of the site are kept: beside the cache, in which nothing else may be.
func documentDirectory(cacheDirectory string) string { return filepath.Clean(cacheDirectory) + "-site" }

func siteConfig(c *configs.Config, ends *atsite.Ends) site.Config {
	config := site.Config{
		Place: ends.Place, SiteAudience: c.Hierarchy, LocationsAge: time.Duration(c.Site.Locations.MaxAge),
		Manifests: ends.Manifests, Replies: ends.Replies, Audience: audienceAt(c), Trusted: trustOf(c).cloud,
	}
	if ends.Identity != nil {
		config.SMSID, config.Valid = ends.Identity.CCM().SMSID(), ends.Identity.Valid
	}
	for _, name := range []string{atsite.ManagementPoint, atsite.Gateway} {
		if way := ends.Keeping(name); way != nil {
			secure := name == atsite.Gateway || strings.HasPrefix(c.Site.ManagementPoint, "https://")
			config.Ways = append(config.Ways, site.Way{Name: name, Client: way, Secure: secure})
		}
	}
	return config
}

// audienceAt says for whom the token of a location is: a distribution point of the configuration has what is written there, a
// cloud distribution point has its own, its host, and all others are the site's. A host that is called as the audience of others
// has none.
func audienceAt(c *configs.Config) func(ccm.Location) string {
	known, taken := map[string]string{}, append(audiences(c.DistributionPoints), c.Hierarchy)
	for _, dp := range c.DistributionPoints {
		for _, address := range []string{dp.URL, dp.TokenURL} {
			known[hostPort(address)] = dp.Audience
		}
	}
	hierarchy := c.Hierarchy
	return func(l ccm.Location) string {
		if audience, ok := known[hostPort(l.URL)]; ok {
			return audience
		}
		if !l.Cloud {
			return hierarchy
		}
		u, err := url.Parse(l.URL)
		if err != nil || slices.Contains(taken, strings.ToLower(u.Hostname())) {
			return ""
		}
		return strings.ToLower(u.Hostname())
	}
}

// prepare makes what a changed configuration needs. What talks to the site stays when nothing of it has changed. The ends are to
// be discarded when commit is not called.
func (s *station) prepare(running, wanted *configs.Config, was, read files, sh *shared) (commit func(), ends *atsite.Ends, err error) {
	if s == nil {
		return nil, nil, nil
	}
	ends, err = s.next(running, wanted, was, read, sh)
	if err != nil {
		return nil, nil, err
	}
	enforce, err := s.site.Prepare(siteConfig(wanted, ends))
	if err != nil {
		return nil, ends, err
	}
	return func() {
		enforce()
		s.locator.heed(wanted)
		if s.ends != ends {
			s.ends, s.old = ends, s.ends
		}
		s.site.Retry() // also where nothing has changed here: a reload follows what was done at the site
		select {
		case s.again <- struct{}{}:
		default: // it will
		}
	}, ends, nil
}

// next are the ends that a configuration needs: those in force when nothing has changed.
func (s *station) next(running, wanted *configs.Config, was, read files, sh *shared) (*atsite.Ends, error) {
	same := reflect.DeepEqual(running.Site, wanted.Site) && reflect.DeepEqual(running.Entra, wanted.Entra) && running.Identity == wanted.Identity &&
		running.Cloud.Manifest == wanted.Cloud.Manifest && was.roots == read.roots &&
		running.Token.HeaderName == wanted.Token.HeaderName && running.Token.HeaderFormat == wanted.Token.HeaderFormat
	if same && s.ends.Identity != nil {
		now, err := s.ends.Identity.Current()
		if err == nil && now == s.ends.Identity {
			return s.ends, nil
		}
	}
	return openEnds(wanted, read, sh)
}

// retire closes the ends that are no longer in force. It may take a while.
func (s *station) retire() {
	if s != nil && s.old != nil {
		s.old.Close()
		s.old = nil
	}
}

// discard closes ends that were prepared in vain. Nil: there are none.
func (s *station) discard(ends *atsite.Ends) {
	if ends != nil && ends != s.ends {
		ends.Close()
	}
}

const (
	// checkEvery is how often the site is asked how the registration stands. It is as often as clients ask at the most.
	checkEvery = 5 * time.Minute
	// lookEvery is how soon it is seen that the pause of a way that failed is over: then the site is asked, too.
	lookEvery = 10 * time.Second
)

// watch looks after the registration and the ways to the site from now on, so that what an administrator does in the console, and
// that a server is back, is seen although nobody asks for content, until what it returns is called, or ctx ends.
func (s *station) watch(ctx context.Context) (end func()) {
	if s == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for ctx.Err() == nil {
			s.site.Check(ctx)
			s.rest(ctx, tick.C)
		}
	})
	return func() {
		cancel()
		watching.Wait()
	}
}

// rest waits until the site is to be asked again, or ctx ends.
func (s *station) rest(ctx context.Context, tick <-chan time.Time) {
	for last := time.Now(); !isDue(s.site.Status(), last, time.Now()); {
		select {
		case <-tick:
		case <-s.again:
			return
		case <-ctx.Done():
			return
		}
	}
}

// isDue tells whether to ask the site, which was last asked at that time: a pause has ended since.
func isDue(status site.Status, last, now time.Time) bool {
	return now.Sub(last) >= checkEvery || slices.ContainsFunc(status.Ways, func(w site.WayStatus) bool {
		return w.RetryAt.After(last) && !now.Before(w.RetryAt)
	})
}

// close ends it. Questions get a moment to be given up.
func (s *station) close() error {
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.site.Close(ctx)
	s.ends.Close()
	return err
}

// source is a way to the site as a source of tokens. None: there is no such way.
func (s *station) source(c configs.Site, kind string) []tokenbroker.Source {
	switch {
	case s == nil:
	case kind == configs.SourceManagementPoint && c.ManagementPoint != "":
		return []tokenbroker.Source{s.site.Source(atsite.ManagementPoint)}
	case kind == configs.SourceGateway && c.Gateway != "":
		return []tokenbroker.Source{s.site.Source(atsite.Gateway)}
	}
	return nil
}

// passing reads what passes by between clients and their site.
type passing struct{ site *site.Site }

var _ proxy.Reader = passing{}

// maxPassedQuestion and maxPassedAnswer bound messages when they are inflated. A question about a content has a few KiB.
const (
	maxPassedQuestion = 256 << 10
	maxPassedAnswer   = 8 << 20
)

// Message implements proxy.Reader. What is no question about content, or no answer to one, is left aside.
func (p passing) Message(m proxy.PassedMessage) {
	question, err := ccm.ReadMessage(m.RequestType, bytes.NewReader(m.Request), maxPassedQuestion)
	if err != nil {
		return
	}
	about, err := ccm.RequestedContent(question.Body)
	if err != nil {
		return
	}
	answer, err := ccm.ReadMessage(m.AnswerType, bytes.NewReader(m.Answer), maxPassedAnswer)
	if err != nil {
		return
	}
	p.site.Passed(about, answer.Body, m.Own, m.Secure)
}

// List implements proxy.Reader.
func (p passing) List(host, target string, body []byte) {
	if name, port, err := net.SplitHostPort(host); err == nil && port == "443" {
		host = name
	}
	p.site.ListPassed(host, target, body)
}
