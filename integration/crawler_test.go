package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
	s.rewrite(t, "entitlement: origin}", "entitlement: origin, allow_hosts: ['"+alias(s.dps[0])+"']}") // the gateway in plain HTTP
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
