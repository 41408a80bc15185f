package integration

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// tokenHeader is the header that carries the token at the site of TestLearn, which nobody but its clients and DPs knows.
const tokenHeader = "X-Example-Token"

// TestLearn: an administrator who does not know how the clients of a site show their token finds it out, writes it into the
// configuration, and from then on the box uses the token for others as well. The token itself shows up nowhere.
func TestLearn(t *testing.T) {
	t.Parallel()
	lib, _ := library(t, 2<<20+1)
	ca, err := sim.NewCA()
	must(t, err)
	tokens, err := sim.NewTokens(sim.TokensConfig{Header: tokenHeader, Format: "CCM {token}"})
	must(t, err)
	var birds flock
	secret := birds.hatch("token of the client")
	tokens.Accept(secret, time.Now().Add(time.Hour))
	dp := startDP(t, sim.DPConfig{Name: "dp1", Library: lib, CA: ca, Tokens: tokens, HTTPSAddr: "127.0.0.1:0",
		Access: map[sim.Vdir]sim.Access{sim.VdirToken: sim.AccessToken}})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.TLS = &tls.ConnectionState{} // a balancer that has ended TLS: the requests on its way to the DP can be read
		dp.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	config := "log: {level: debug}\ndistribution_points: [{url: '" + front.URL + "', token_url: '" + dp.URL("https") + "'}]\n"
	location := front.URL + "/CCMTOKENAUTH_SMS_DP_SMSPKG$/" + app + ".1"

	_, err = lib.Publish("PS100077", sim.FileSpec{Path: "new.cab", Size: 100_001})
	must(t, err)
	other, err := lib.File("PS100077", "new.cab")
	must(t, err)
	stranger := func(b *box) error { // a client that shows nothing
		client := b.client()
		defer client.CloseIdleConnections()
		_, err := download(t.Context(), client, front.URL+"/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100077/new.cab", other, 0, -1)
		return err
	}

	unknowing := startBox(t, ca, nil, config)
	said := clientShows(t, unknowing, lib, location, secret)
	t.Logf("branchpoint learn:\n%s", said)
	_, advice, _ := strings.Cut(said, "the configuration is:\n\n")
	if want := "token:\n  header_name: \"" + tokenHeader + "\"\n  header_format: \"CCM {token}\"\n"; advice != want {
		t.Fatalf("it advises\n%s\nwant\n%s", advice, want)
	}
	if stranger(unknowing) == nil {
		t.Error("without the advice, a client that shows nothing gets the file: the rest proves nothing")
	}
	searched := birds.searchLearned(t, unknowing)

	knowing := startBox(t, ca, nil, config+advice)
	clientShows(t, knowing, lib, location, secret)
	if err := stranger(knowing); err != nil {
		t.Errorf("with the advice, a client that shows nothing gets %v; the log:\n%s", err, knowing.log)
	}
	searched += birds.searchLearned(t, knowing)
	t.Logf("%d bytes searched, no token in them", searched)
}

// clientShows has the client agent download with its token, and returns what is learned from that.
func clientShows(t *testing.T, b *box, lib *sim.Library, location string, token sim.Secret) string {
	t.Helper()
	agent, err := sim.NewCCM(sim.CCMConfig{ManifestDelay: time.Millisecond, ManifestRounds: 1, BITS: sim.BITSConfig{
		RetryDelay: 10 * time.Millisecond, MaxRetries: 2,
		ClientConfig: sim.ClientConfig{Library: lib, Proxy: b.proxy, Token: token, TokenHeader: tokenHeader, TokenFormat: "CCM {token}"},
	}})
	must(t, err)
	if r := agent.Download(t.Context(), location); r.Err != nil {
		t.Fatalf("%v; %v; the log:\n%s", r.Err, r.Troubles, b.log)
	}
	return b.run("learn", "--config", filepath.Join(b.dir, "branchpoint.yaml"))
}

// searchLearned searches what the box has said and kept, and returns how many bytes that was.
func (f flock) searchLearned(t *testing.T, b *box) int {
	t.Helper()
	_, learned := b.get("/api/v1/learned")
	if !strings.Contains(learned, tokenHeader) {
		t.Errorf("the API does not name the header: the search proves nothing: %s", learned)
	}
	config := filepath.Join(b.dir, "branchpoint.yaml")
	searched := f.expectClean(t, "the API", learned) + f.searchAPI(t, b) +
		f.expectClean(t, "learn", b.run("learn", "--config", config)+b.run("learn", "--json", "--config", config))
	b.dumpAndEnd(t)
	searched += f.expectClean(t, "the log and the goroutine dump", b.log.String())
	for _, path := range filesIn(t, b.cacheDir(), "") {
		text, err := os.ReadFile(path)
		must(t, err)
		searched += f.expectClean(t, path, path+string(text))
	}
	return searched
}
