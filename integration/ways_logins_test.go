package integration

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"branchpoint/integration/sim"
)

// TestLoginsOnEveryWay: a hundred accounts log in at once, each by several ways in turn, with a thousand requests in all. By
// the DP's own log each request was served for the account that made it, and no connection served two.
func TestLoginsOnEveryWay(t *testing.T) {
	t.Parallel()
	const clients, rounds = 100, 5
	lib, f := library(t, 300_000)
	accounts := make([]sim.Account, clients)
	for i := range accounts {
		accounts[i] = sim.Account{Domain: "BRANCH", Name: fmt.Sprintf("PC%d$", i), Password: sim.NewSecret(rand.Text())}
	}
	r := newRig(t, interceptWay, "", sim.DPConfig{Name: "dp1", Library: lib, Accounts: accounts, HTTPAddr: "127.0.0.1:0"})
	dp, ways := r.dps[0], []way{plainWay, interceptWay, gatewayWay, secureWay}
	var wg sync.WaitGroup
	for i := range accounts {
		wg.Go(func() {
			for round := range rounds {
				r.by(ways[(i+round)%len(ways)]).logIn(t, dp, lib, f, accounts[i], int64(i*rounds+round))
			}
		})
	}
	wg.Wait()

	served, users, requests := map[string]int{}, map[uint64]string{}, 0
	for _, e := range dp.Log().Entries() {
		if e.Status != http.StatusPartialContent {
			continue
		}
		requests++
		served[e.User]++
		if before, ok := users[e.Conn]; ok && before != e.User {
			t.Errorf("connection %d served %q and %q", e.Conn, before, e.User)
		}
		users[e.Conn] = e.User
	}
	for _, a := range accounts {
		if n := served[a.String()]; n != 2*rounds {
			t.Errorf("%s was served %d times, want %d", a, n, 2*rounds)
		}
	}
	for _, c := range dp.Connections() {
		if len(c.Users) > 1 {
			t.Errorf("connection %d is known to have served %q", c.ID, c.Users)
		}
	}
	t.Logf("%d accounts, %d requests over %d connections to the DP: none served two", len(served), requests, len(users))
}

// logIn fetches two ranges of a file on a connection of its own, to which the account logs in.
func (r *rig) logIn(t *testing.T, dp *sim.DP, lib *sim.Library, f *sim.File, account sim.Account, seed int64) {
	config := r.config(lib)
	config.Token, config.Account = sim.Secret{}, &account
	client, err := sim.NewPlain(config)
	if err != nil {
		t.Error(err)
		return
	}
	url := r.base(dp) + "/SMS_DP_SMSPKG$/" + app + ".1/sccm?/" + f.Path
	got := client.Get(t.Context(), url,
		sim.Range{Offset: seed * 100, Length: 10_000}, sim.Range{Offset: f.Size - 1 - seed*100, Length: 1 + seed*100})
	if got.Err != nil || got.Bytes != 10_001+seed*100 {
		t.Errorf("%s, by %s: %d bytes, %v", account, r.name, got.Bytes, got.Err)
	}
}

// TestWindowsClientsOnEveryWay: clients of each kind log in, list a content and download it. Nothing of it is kept, and each
// connection is its client's own.
func TestWindowsClientsOnEveryWay(t *testing.T) {
	t.Parallel()
	lib := sim.NewLibrary()
	v, err := lib.Publish(app, sim.FileSpec{Path: "media/install.wim", Size: 2_000_003}, sim.FileSpec{Path: "a b/größe.txt", Size: 70_001})
	must(t, err)
	r := newRig(t, interceptWay, "", sim.DPConfig{Name: "dp1", Library: lib, HTTPAddr: "127.0.0.1:0"})
	for _, w := range []way{plainWay, interceptWay, gatewayWay, secureWay} {
		config := r.by(w).config(lib)
		config.Token, config.Account = sim.Secret{}, &r.account
		r.dps[0].Counters().Reset()
		got, n := everyClient(t, config, r.by(w).base(r.dps[0])+"/SMS_DP_SMSPKG$/"+v.Segment())
		sent := r.dps[0].Counters().Bytes()
		t.Logf("%s: %d clients that log in got %d bytes, every byte right; the DP sent %d", w.name, n, got, sent)
		if sent < got*98/100 {
			t.Errorf("%s: clients got %d bytes, and the DP sent only %d", w.name, got, sent)
		}
	}
}
