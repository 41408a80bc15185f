package integration

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// twoDoors configures a listener of each entitlement on one cache. It returns the address of the one that asks the DP.
func twoDoors(t testing.TB) (yaml, origin string) {
	t.Helper()
	origin = freeAddress(t)
	return fmt.Sprintf("listeners:\n  - {name: ours, address: '$PROXY'}\n  - {name: theirs, address: '%s', entitlement: origin}\n", origin), origin
}

// at is the box as its other listener's clients see it.
func (b *box) at(address string) *box {
	other := *b
	proxy := *b.proxy
	proxy.Host = address
	other.proxy = &proxy
	return &other
}

// TestEntitlementOfOrigin: with the whole file on disk, only a client that the DP itself lets in is given a byte of it.
func TestEntitlementOfOrigin(t *testing.T) {
	t.Parallel()
	site := startSite(t, 3<<20+3)
	tokenFile := fileWith(t, site.Token.Reveal())
	doors, origin := twoDoors(t)
	b := startBox(t, site.CA, []*sim.DP{site.First, site.Second},
		doors+"upstream: {ca_files: ['$DIR/ca.pem']}\ntoken: {sources: [{type: file, file: '"+tokenFile+"'}]}\n")
	f, err := site.Library.File(app+".1", "setup/install.wim")
	must(t, err)
	plain := bitsURL(site.First, app+".1", f.Path)
	byToken := site.First.Location(sim.VdirToken, app+".1") + "/sccm?/" + f.Path
	if _, err := download(t.Context(), b.client(), plain, f, 0, -1); err != nil {
		t.Fatalf("a client of this machine, served with the broker's token: %v", err)
	}
	stranger := sim.NewSecret("a" + rand.Text())
	own := site.Tokens.Issue(time.Hour)
	door := b.at(origin)
	sent := site.Counters.Bytes()
	for _, c := range []struct {
		name, url, header string
		status            int
		challenged        bool
	}{
		{"nothing shown, Windows authentication", plain, "", http.StatusUnauthorized, true},
		{"nothing shown, a range", plain, "Range: bytes=5-9\r\n", http.StatusUnauthorized, true},
		{"nothing shown, token directory", byToken, "", http.StatusUnauthorized, false},
		{"an unknown token", byToken, "Authorization: Bearer " + stranger.Reveal() + "\r\n", http.StatusUnauthorized, false},
		{"a token in the wrong place", byToken, "X-Token: " + own.Reveal() + "\r\n", http.StatusUnauthorized, false},
		{"basic authentication", plain, "Authorization: Basic YTpi\r\n", http.StatusUnauthorized, true},
		{"a good token", byToken, "Authorization: Bearer " + own.Reveal() + "\r\n", http.StatusOK, false},
		{"a good token again", byToken, "Authorization: Bearer " + own.Reveal() + "\r\n", http.StatusOK, false},
		{"nothing shown, after others were let in", byToken, "", http.StatusUnauthorized, false},
	} {
		got := door.askOnce(t, c.url, c.header)
		if got.status != c.status {
			t.Errorf("%s: status %d, want %d", c.name, got.status, c.status)
		}
		challenges := got.header["Www-Authenticate"]
		if c.challenged != (slices.Contains(challenges, "NTLM") && slices.Contains(challenges, "Negotiate")) {
			t.Errorf("%s: the challenges are %q", c.name, challenges)
		}
		whole := f.Mismatch(got.body, 0) < 0 && int64(len(got.body)) == f.Size
		if c.status == http.StatusOK && !whole || c.status != http.StatusOK && holdsPart(f, got.body) {
			t.Errorf("%s: a body of %d bytes", c.name, len(got.body))
		}
	}
	if again := site.Counters.Bytes() - sent; again != 0 {
		t.Errorf("the DPs sent %d bytes of a file that was on disk", again)
	}
	site.Tokens.Revoke(own)
	t.Log("with the file on disk: 7 clients that the DP refuses got its own 401 and no byte, one that it accepts got all from the cache")
}

// holdsPart tells whether a body has bytes of the file in it.
func holdsPart(f *sim.File, body []byte) bool {
	for off := int64(0); off+16 <= f.Size && len(body) >= 16; off += 4096 {
		piece := make([]byte, 16)
		if _, err := f.ReadAt(piece, off); err == nil && strings.Contains(string(body), string(piece)) {
			return true
		}
	}
	return false
}

// TestEntitlementByAccessList: a package with an access list gives nothing to the account that it leaves out, though the
// file is on disk, and all to the one that it names.
func TestEntitlementByAccessList(t *testing.T) {
	t.Parallel()
	site := startSite(t, 2<<20+3)
	friend := site.Account
	doors, origin := twoDoors(t)
	foe := sim.Account{Domain: "BRANCH", Name: "PC2$", Password: sim.NewSecret("other")}
	dp := startDP(t, sim.DPConfig{
		Name: "listed", Library: site.Library, Access: map[sim.Vdir]sim.Access{sim.VdirPlain: sim.AccessAnonymous},
		Accounts: []sim.Account{friend, foe}, ACLStatus: http.StatusForbidden,
	})
	b := startBox(t, nil, []*sim.DP{dp}, doors)
	f, err := site.Library.File(app+".1", "setup/install.wim")
	must(t, err)
	url := bitsURL(dp, app+".1", f.Path)
	_, err = download(t.Context(), b.client(), url, f, 0, -1) // while it is open to everybody
	must(t, err)
	dp.SetACL(app, friend.String())
	for _, c := range []struct {
		name    string
		account *sim.Account
		ok      bool
	}{{"nobody", nil, false}, {"left out", &foe, false}, {"named", &friend, true}} {
		client, err := sim.NewPlain(sim.ClientConfig{Library: site.Library, Proxy: b.at(origin).proxy, Account: c.account})
		must(t, err)
		if r := client.Get(t.Context(), url); (r.Err == nil) != c.ok || !c.ok && r.Bytes > 0 {
			t.Errorf("%s: %d bytes, status %d, error %v", c.name, r.Bytes, r.Status, r.Err)
		}
	}
}

// TestNoLoginIsShared: many accounts log in through one box at a time. No connection to the DP ever serves two of them.
func TestNoLoginIsShared(t *testing.T) {
	t.Parallel()
	const clients = 100
	lib, f := library(t, 300_000)
	accounts := make([]sim.Account, clients)
	for i := range accounts {
		accounts[i] = sim.Account{Domain: "BRANCH", Name: fmt.Sprintf("PC%d$", i), Password: sim.NewSecret(rand.Text())}
	}
	dp := startDP(t, sim.DPConfig{
		Name: "windows", Library: lib, Accounts: accounts, Access: map[sim.Vdir]sim.Access{sim.VdirPlain: sim.AccessWindows},
	})
	doors, origin := twoDoors(t)
	b := startBox(t, nil, []*sim.DP{dp}, doors)
	var wg sync.WaitGroup
	for i := range accounts {
		wg.Go(func() {
			client, err := sim.NewBITS(sim.BITSConfig{
				ClientConfig: sim.ClientConfig{Library: lib, Proxy: b.at(origin).proxy, Account: &accounts[i]},
				BlockSize:    100_000, SuspendEvery: 200_000,
			})
			if err != nil {
				t.Error(err)
				return
			}
			if r := client.Download(t.Context(), bitsURL(dp, app+".1", f.Path)); r.Err != nil {
				t.Errorf("%s: %v", accounts[i], r.Err)
			}
		})
	}
	wg.Wait()
	served, connections := map[string]bool{}, dp.Connections()
	for _, c := range connections {
		if len(c.Users) > 1 {
			t.Errorf("connection %d served %q", c.ID, c.Users)
		}
		for _, user := range c.Users {
			served[user] = true
		}
	}
	if len(served) != clients {
		t.Errorf("the DP served %d accounts, want %d", len(served), clients)
	}
	t.Logf("%d accounts over %d connections to the DP: none served two", len(served), len(connections))
}
