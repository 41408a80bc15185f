package assembly

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"branchpoint/cmd/internal/atsite"
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
	// points are the hosts of the site's management points.
	points []string
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
	t := &locatorTerms{hierarchy: c.Hierarchy, audience: audienceAt(c), secure: true}
	for _, mp := range append(slices.Clone(c.ManagementPoints), c.Site.ManagementPoint) {
		if mp == "" {
			continue
		}
		host := mp
		if u, err := url.Parse(mp); err == nil && u.Host != "" {
			host = u.Hostname()
		} else if name, _, err := net.SplitHostPort(mp); err == nil {
			host = name
		}
		t.points = append(t.points, host)
		t.secure = t.secure && strings.HasPrefix(mp, "https://")
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
	about, err := ccm.ParseContent(id.Content, 0)
	return about, err == nil
}

// places are the distribution points of an answer, each once, in its order. A cloud distribution point is none.
func (t *locatorTerms) places(list []ccm.Location) (places []upstream.Location) {
	at := map[string]int{}
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
		t.add(&places[i], one, folder, u)
	}
	for i := range places {
		if p := &places[i]; p.Base == "" {
			p.Base = p.TokenBase
		}
	}
	return places
}

// add puts one of its URLs into a place.
func (t *locatorTerms) add(p *upstream.Location, one ccm.Location, folder content.Target, u *url.URL) {
	base := u.Scheme + "://" + u.Host
	switch {
	case folder.Vdir != content.TokenAuth:
		if p.Base == "" {
			p.Base = base
		}
	case u.Scheme == "https" && t.trusts(u.Hostname()):
		p.TokenBase, p.Audience = base, t.audience(one)
	case p.Base == "":
		p.Base = base
	}
}

// trusts tells whether our token may go to a host that the site names. Over http anybody on the way could name one of his own; a
// certificate for a name beside the management point's is not to be had by him.
func (t *locatorTerms) trusts(host string) bool {
	return t.secure || slices.ContainsFunc(t.points, func(mp string) bool { return sameDomain(mp, host) })
}

// sameDomain tells whether a host is mp itself, or in the domain that mp is in. A domain has two labels at least.
func sameDomain(mp, host string) bool {
	mp, host = strings.ToLower(mp), strings.ToLower(host)
	_, domain, ok := strings.Cut(mp, ".")
	return mp == host || ok && net.ParseIP(mp) == nil && strings.Contains(domain, ".") && strings.HasSuffix(host, "."+domain)
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
	about, err := ccm.ParseContent(id, version)
	if err != nil {
		return nil, errors.New("the site knows no such content ID")
	}
	found, err := l.site.Locate(ctx, about, wayOf(way))
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

// wayOf is what the site calls a way.
func wayOf(name string) string {
	switch name {
	case "mp":
		return atsite.ManagementPoint
	case "cmg":
		return atsite.Gateway
	}
	return ""
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
