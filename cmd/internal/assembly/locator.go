package assembly

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"branchpoint/configs"
	"branchpoint/proxy/content"
	"branchpoint/proxy/precache"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/site"
)

// locator lets the pool and the jobs ask the site who has a content.
type locator struct {
	site  *site.Site
	terms atomic.Pointer[locatorTerms]
}

// locatorTerms are what a configuration says about whom to believe.
type locatorTerms struct {
	hierarchy string
	audience  func(ccm.Location) string
	// secure says that the site speaks over TLS only.
	secure bool
	trust  trust
}

var (
	_ upstream.Locator   = (*locator)(nil)
	_ upstream.Elsewhere = (*locator)(nil)
	_ precache.Finder    = (*locator)(nil)
)

func newLocator(s *site.Site, c *configs.Config) *locator {
	l := &locator{site: s}
	l.heed(c)
	return l
}

// heed puts a configuration into force.
func (l *locator) heed(c *configs.Config) {
	t := &locatorTerms{hierarchy: c.Hierarchy, audience: audienceAt(c), secure: true, trust: trustOf(c)}
	for _, mp := range append(slices.Clone(c.ManagementPoints), c.Site.ManagementPoint) {
		t.secure = t.secure && (mp == "" || strings.HasPrefix(mp, "https://"))
	}
	l.terms.Store(t)
}

// Known implements upstream.Locator.
func (l *locator) Known(id content.ID) []upstream.Location {
	t := l.terms.Load()
	about, ok := t.about(id)
	if !ok {
		return nil
	}
	known, _ := l.site.Known(about)
	return t.places(known)
}

// Locate implements upstream.Locator.
func (l *locator) Locate(ctx context.Context, id content.ID) ([]upstream.Location, error) {
	t := l.terms.Load()
	about, ok := t.about(id)
	if !ok {
		return nil, nil
	}
	found, err := l.site.Locate(ctx, about, "")
	return t.places(found.List), err
}

// about is what the site is asked about. False: it is not for this site to say.
func (t *locatorTerms) about(id content.ID) (ccm.Content, bool) {
	if id.Hierarchy != t.hierarchy && !strings.HasPrefix(id.Hierarchy, "host:") { // that of a host that is not configured
		return ccm.Content{}, false
	}
	about, err := parseContent(id.Content, 0)
	return about, err == nil
}

// parseContent is ccm.ParseContent, but for a package whose version nobody tells, as in most URLs: the site knows it better than 1.
func parseContent(id string, version int) (ccm.Content, error) {
	about, err := ccm.ParseContent(id, version)
	if about.Kind == ccm.Package && version == 0 && !strings.Contains(id, ".") {
		about.Version = 0
	}
	return about, err
}

// places are the distribution points of an answer, each once, in its order. A cloud distribution point is none.
func (t *locatorTerms) places(list []ccm.Location) (places []upstream.Location) {
	at, spare := map[string]int{}, map[int]string{} // where nothing better is said
	for _, one := range list {
		u, err := url.Parse(one.URL)
		if err != nil || one.Cloud || one.Access == ccm.AccessCertificate {
			continue
		}
		folder, ok := content.ParseFolder(u.Scheme, u.Host, u.EscapedPath())
		if !ok {
			continue
		}
		i, known := at[u.Hostname()]
		if !known {
			i = len(places)
			at[u.Hostname()] = i
			places = append(places, upstream.Location{Hierarchy: t.hierarchy, Secure: t.secure})
		}
		if !t.add(&places[i], one, folder, u) {
			spare[i] = u.Scheme + "://" + u.Host
		}
	}
	for i := range places {
		if p := &places[i]; p.Base == "" {
			p.Base = cmp.Or(p.TokenBase, spare[i])
		}
	}
	return places
}

// add puts one of its URLs into a place, unless that wants a token and is not to have ours.
func (t *locatorTerms) add(p *upstream.Location, one ccm.Location, folder content.Target, u *url.URL) bool {
	base := u.Scheme + "://" + u.Host
	switch {
	case folder.Vdir != content.TokenAuth:
		p.Base = cmp.Or(p.Base, base)
	case u.Scheme == "https" && (t.secure || t.trust.host(u.Hostname())):
		p.TokenBase, p.Audience = base, t.audience(one)
	default:
		return false
	}
	return true
}

// Signed implements upstream.Elsewhere.
func (l *locator) Signed(ctx context.Context, scheme, host, path string, size int64) (urls []upstream.SignedURL, err error) {
	if scheme != "https" {
		return nil, nil
	}
	found, err := l.site.Elsewhere(ctx, site.BlobName{Host: host, Path: path, Size: size})
	for _, one := range found {
		signed, badURL := upstream.NewSignedURL(one.Reveal())
		if badURL == nil {
			urls = append(urls, signed)
		}
	}
	return urls, err
}

// Find implements precache.Finder.
func (l *locator) Find(ctx context.Context, id string, version int, way string) (places []precache.Place, err error) {
	about, err := parseContent(id, version)
	if err != nil {
		return nil, errors.New("the site knows no such content ID")
	}
	found, err := l.site.Locate(ctx, about, way)
	if err != nil {
		return nil, err
	}
	for _, one := range found.List {
		place := precache.Place{URL: one.URL}
		if one.Cloud {
			place.List = l.lists(one)
		}
		places = append(places, place)
	}
	return places, nil
}

// lists asks a cloud distribution point for its list.
func (l *locator) lists(at ccm.Location) func(context.Context) ([]precache.CloudFile, error) {
	return func(ctx context.Context) (files []precache.CloudFile, err error) {
		listed, err := l.site.List(ctx, at)
		for _, f := range listed {
			files = append(files, precache.CloudFile{Path: f.Path, Size: f.Size, URL: f.URL})
		}
		return files, err
	}
}
