package integration

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"testing"

	"branchpoint/integration/sim"
)

// page is what a crawler asks for.
type page struct {
	method, target string
	content        bool // it is a file of a content, or the list of one
}

// seeds are where a crawler begins.
func (s *crawledSite) seeds() (all []page) {
	add := func(content bool, method, format string, args ...any) {
		all = append(all, page{method, fmt.Sprintf(format, args...), content})
	}
	vdirs := []string{"SMS_DP_SMSPKG$", "CCMTOKENAUTH_SMS_DP_SMSPKG$", "sms_dp_smspkg%24", "NOCERT_SMS_DP_SMSPKG$"}
	for _, vdir := range vdirs[:count(4, 2)] {
		for _, method := range []string{"GET", "HEAD", "PROPFIND"} {
			for _, target := range []string{"", "/Datalib", "/datalib/PS100015.1", "/DataLib/PS100015.1.INI", "/DataLib/PS100016.1.INI",
				"/PkgLib", "/PkgLib/PS100015.INI", "/PkgLib/PS100016.INI", "/FileLib", "/PS100015/../PS100016/a%20b.txt",
				"/PS100015/sccm?/../Datalib", "/sccm?/Datalib", "/sccm?/PkgLib/PS100016.INI", "/PS100099/none"} {
				add(false, method, "/%s%s", vdir, target)
			}
			for _, id := range []string{openPackage, closedPackage, app + ".1"} {
				add(method == "PROPFIND", method, "/%s/%s", vdir, id)
				add(method == "PROPFIND", method, "/%s/%s/setup", vdir, id)
				add(true, method, "/%s/%s/setup/install.wim", vdir, id)
				add(true, method, "/%s/%s/sccm?/a%%20b.txt", vdir, id)
			}
		}
	}
	for _, f := range []string{openPackage, closedPackage} {
		add(true, "GET", "/SMS_DP_SMSSIG$/%s.1.tar", f)
	}
	add(false, "GET", "/")
	return all
}

// visit is what one visitor sees on one way.
type visit struct {
	*crawledSite
	who           string
	through, past *sim.Plain // the box
	base          string
	trusted       bool
}

// crawl lets every visitor walk.
func (s *crawledSite) crawl(t *testing.T, w way, trusted bool) {
	var walks sync.WaitGroup
	r := s.by(w)
	for who, config := range s.visitors {
		through, past := r.config(s.lib), sim.ClientConfig{Library: s.lib, RootCAs: s.siteCA.Pool(), Resolve: map[string]string{
			"dp1.branch.test:80": s.dps[0].Address("http"), "dp1.branch.test:443": s.dps[0].Address("https")}}
		through.Account, past.Account, through.Token, past.Token = config.Account, config.Account, config.Token, config.Token
		walks.Go(func() {
			v := &visit{crawledSite: s, who: w.name + ", " + who, base: r.base(s.dps[0]), trusted: trusted}
			var err error
			if v.through, err = sim.NewPlain(through); err != nil {
				t.Error(err)
				return
			}
			if v.past, err = sim.NewPlain(past); err != nil {
				t.Error(err)
				return
			}
			v.walk(t)
		})
	}
	walks.Wait()
}

// link is how listings and lists name what is below.
var link = regexp.MustCompile(`(?i)href[="> ]+(https?://[^"<]+)`)

// walk follows every link that the box or the DP shows.
func (v *visit) walk(t *testing.T) {
	pages, seen := v.seeds(), map[page]bool{}
	for len(pages) > 0 {
		p := pages[0]
		pages = pages[1:]
		if seen[p] {
			continue
		}
		seen[p] = true
		theirs, err := v.past.Ask(t.Context(), p.method, v.base+p.target)
		if err != nil {
			t.Errorf("%s, straight: %v", v.who, err)
			continue
		}
		ours, err := v.through.Ask(t.Context(), p.method, v.base+p.target)
		if err != nil {
			t.Errorf("%s: %v", v.who, err)
			continue
		}
		v.count(ours, theirs)
		if !v.same(p, ours, theirs) {
			t.Errorf("%s: %s %s: %d, %d bytes, %q; the DP says %d, %d bytes, %q", v.who, p.method, p.target, ours.Status, len(ours.Body),
				ours.Header["Www-Authenticate"], theirs.Status, len(theirs.Body), theirs.Header["Www-Authenticate"])
		}
		for _, found := range link.FindAllSubmatch(slices.Concat(ours.Body, theirs.Body), -1) {
			if u, err := url.Parse(string(found[1])); err == nil && len(seen)+len(pages) < 3000 {
				pages = append(pages, page{"GET", u.RequestURI(), p.content}, page{"PROPFIND", u.RequestURI(), p.content})
			}
		}
	}
}

func (v *visit) count(ours, theirs sim.Answer) {
	v.pages.Add(1)
	if ours.Status/100 == 2 {
		v.ours.Add(1)
	}
	if theirs.Status/100 == 2 {
		v.theirs.Add(1)
	}
}

// same tells whether the box gave what the DP gives. Where the DP gives nothing, a trusted client gets content all the same, and
// is told what is missing, but nothing that is no content.
func (v *visit) same(p page, ours, theirs sim.Answer) bool {
	if v.trusted && theirs.Status/100 != 2 && (ours.Status == http.StatusNotFound || p.content && ours.Status/100 == 2) {
		return true
	}
	return ours.Status == theirs.Status && bytes.Equal(ours.Body, theirs.Body) &&
		slices.Equal(ours.Header["Www-Authenticate"], theirs.Header["Www-Authenticate"])
}
