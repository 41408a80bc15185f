package integration

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"branchpoint/integration/sim"
)

// TestCrawler: who walks through everything that a DP has, without a credential or with one that is not good for it, gets from
// the box what it would get from the DP itself, to the byte, although the box has it all on disk and has a token that opens
// everything. Where clients are trusted because of where they are, that token serves them: with content and with its list,
// which they need to download, and with nothing else of the DP.
func TestCrawler(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct {
		name, entitlement string
		trusted           bool
	}{
		{"origin", "origin", false},
		{"network of others", "network, networks: [192.0.2.0/24]", false},
		{"network", "network, networks: [127.0.0.0/8]", true},
		{"machine", "machine", true},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			s := newCrawledSite(t, kind.entitlement)
			for _, w := range []way{plainWay, interceptWay, gatewayWay, secureWay} {
				s.crawl(t, w, kind.trusted && (kind.name != "machine" || !w.alias))
			}
			t.Logf("%d visitors on 4 ways saw %d pages, of which the DP itself shows %d and the box %d", len(s.visitors),
				s.pages.Load(), s.theirs.Load(), s.ours.Load())
			if ours, theirs := s.ours.Load(), s.theirs.Load(); theirs < 200 || (ours > theirs) != kind.trusted {
				t.Errorf("the DP shows %d pages, the box %d: more of them only to who is trusted", theirs, ours)
			}
		})
	}
}

// crawledSite is a box with a DP whose contents are all in its cache.
type crawledSite struct {
	*rig
	lib      *sim.Library
	visitors map[string]sim.ClientConfig // without a way

	pages, ours, theirs atomic.Int64 // asked for, and shown by the box and by the DP
}

// Of what the DP has, one content is open to every account, and one to no account.
const (
	openPackage   = "PS100015"
	closedPackage = "PS100016"
)

func newCrawledSite(t *testing.T, entitlement string) *crawledSite {
	t.Helper()
	s := &crawledSite{lib: sim.NewLibrary()}
	var files []*sim.File
	for i, id := range []string{openPackage, closedPackage, app} {
		v, err := s.lib.Publish(id, sim.FileSpec{Path: "setup/install.wim", Size: 20_001, Seed: uint64(i)},
			sim.FileSpec{Path: "a b.txt", Data: []byte("text of " + id)})
		must(t, err)
		files = append(files, v.Files()...)
	}
	token := filepath.Join(t.TempDir(), "token")
	s.rig = prepareRig(t, interceptWay, "token: {sources: [{type: file, file: '"+token+"'}]}\n", sim.DPConfig{
		Name: "dp1", Library: s.lib, HTTPAddr: "127.0.0.1:0", Names: []string{"dp1.branch.test"}, ACLStatus: http.StatusForbidden,
	})
	must(t, os.WriteFile(token, []byte(s.token.Reveal()), 0o600))
	before, after := "entitlement: origin", "entitlement: "+entitlement
	if entitlement == "machine" { // which is for proxies only
		before, after = before+", connect_ports", after+", connect_ports"
	}
	s.rewrite(t, before, after)
	s.start(s.command())
	dp := s.dps[0]
	for _, f := range files { // by those who may
		client := s.client()
		_, err := download(t.Context(), client, s.url(dp, segmentOf(f), escapePath(f.Path)), f, 0, -1)
		must(t, err)
		client.CloseIdleConnections()
	}
	dp.SetACL(closedPackage, `BRANCH\nobody$`)
	s.visitors = map[string]sim.ClientConfig{"nobody": {}, "another account": {Account: &s.account}}
	if full() {
		s.visitors["an unknown token"] = sim.ClientConfig{Token: sim.NewSecret("unknown")}
		s.visitors["a wrong password"] = sim.ClientConfig{Account: &sim.Account{
			Domain: s.account.Domain, Name: s.account.Name, Password: sim.NewSecret("wrong"),
		}}
	}
	return s
}

// segmentOf is how a file's content is named in URLs: a package has no version there.
func segmentOf(f *sim.File) string {
	if strings.HasPrefix(f.Content, "PS") {
		return f.Content
	}
	return f.Content + ".1"
}

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
