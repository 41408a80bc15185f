package integration

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// tokenSpy stands before a DP, and notes where tokens arrive.
type tokenSpy struct {
	dp    *sim.DP
	where string // "http" or "https"

	mu      sync.Mutex
	secrets []sim.Secret
	right   int      // requests that showed a token to a token directory over TLS
	wrong   []string // all others that showed one: method and path
}

func (s *tokenSpy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.look(r)
	s.dp.ServeHTTP(w, r)
}

func (s *tokenSpy) look(r *http.Request) {
	shown := r.RequestURI + fmt.Sprint(r.Header)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.secrets {
		switch {
		case !strings.Contains(shown, secret.Reveal()):
		case s.where == "https" && strings.HasPrefix(r.URL.Path, "/CCMTOKENAUTH_SMS_DP_SMSPKG$/"):
			s.right++
		default:
			s.wrong = append(s.wrong, s.where+" "+r.Method+" "+r.URL.Path)
		}
	}
}

// spiedDP is a DP with Windows authentication over http and tokens over https, with a spy at both doors. A login is bound
// to the DP's own connections, so nobody can log in here: only tokens help.
type spiedDP struct {
	*sim.DP
	plain, secure *tokenSpy
	http, https   *httptest.Server
}

func newSpiedDP(t testing.TB, name string, lib *sim.Library, ca *sim.CA, tokens *sim.Tokens, counters *sim.Counters, secrets ...sim.Secret) *spiedDP {
	t.Helper()
	dp, err := sim.NewDP(sim.DPConfig{
		Name: name, Library: lib, CA: ca, Tokens: tokens, Counters: counters, HTTPSAddr: "127.0.0.1:0",
		Accounts: []sim.Account{{Domain: "BRANCH", Name: "PC1$", Password: sim.NewSecret("never used")}},
		Access:   map[sim.Vdir]sim.Access{sim.VdirPlain: sim.AccessWindows, sim.VdirToken: sim.AccessToken},
	})
	must(t, err)
	cert, err := ca.Issue("127.0.0.1")
	must(t, err)
	s := &spiedDP{
		DP: dp, plain: &tokenSpy{dp: dp, where: "http", secrets: secrets}, secure: &tokenSpy{dp: dp, where: "https", secrets: secrets},
	}
	s.http, s.https = httptest.NewServer(s.plain), httptest.NewUnstartedServer(s.secure)
	s.https.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // a handshake that is given up is nobody's fault
	s.https.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	s.https.StartTLS()
	t.Cleanup(s.http.Close)
	t.Cleanup(s.https.Close)
	return s
}

// kill ends both doors at once.
func (s *spiedDP) kill() {
	for _, door := range []*httptest.Server{s.http, s.https} {
		door.Listener.Close()
		door.CloseClientConnections()
	}
}

// entry is the DP in a configuration.
func (s *spiedDP) entry() string {
	return fmt.Sprintf("  - {url: '%s', token_url: '%s'}\n", s.http.URL, s.https.URL)
}

// TestTokensOfTheBroker: clients without any credential download from DPs that want Windows authentication, with the
// token of the broker. It expires in the middle and is fetched anew once; a DP dies, and the other takes the same token;
// no token ever arrives anywhere but at a token directory over TLS.
func TestTokensOfTheBroker(t *testing.T) {
	t.Parallel()
	const clients = 6
	lib, f := library(t, 8<<20+9)
	ca, err := sim.NewCA()
	must(t, err)
	tokens, err := sim.NewTokens(sim.TokensConfig{})
	must(t, err)
	first, second := tokens.Issue(time.Hour), tokens.Issue(time.Hour)
	counters := sim.NewCounters()
	dps := []*spiedDP{
		newSpiedDP(t, "dp1", lib, ca, tokens, counters, first, second), newSpiedDP(t, "dp2", lib, ca, tokens, counters, first, second),
	}
	file := fileWith(t, first.Reveal())
	b := startBox(t, ca, nil, "cache: {directory: '$CACHE', min_free_bytes: 0, parallel_windows: 2, window_bytes: 1MiB}\n"+
		"upstream: {ca_files: ['$DIR/ca.pem'], cool_down: 100ms}\ndistribution_points:\n"+
		dps[0].entry()+dps[1].entry()+"token: {sources: [{type: file, file: '"+file+"'}]}\n")
	url := dps[0].http.URL + "/SMS_DP_SMSPKG$/" + app + ".1/sccm?/" + f.Path

	var got atomic.Int64
	expire, die := sync.OnceFunc(func() {
		must(t, os.WriteFile(file+".new", []byte(second.Reveal()), 0o600))
		must(t, os.Rename(file+".new", file))
		tokens.Accept(first, time.Now().Add(-time.Second))
	}), sync.OnceFunc(dps[0].kill)
	progress := func(n int) {
		switch at := got.Add(int64(n)); {
		case at > clients*f.Size*2/3:
			die()
		case at > clients*f.Size/3:
			expire()
		}
	}
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() { tokenlessClient(t, b, lib, url, progress) })
	}
	wg.Wait()

	fetches := b.metric(`branchpoint_token_fetches_total{outcome="token",source="file"}`)
	right, extra := 0, counters.Overlap("")
	for _, dp := range dps {
		right += dp.secure.right
		if wrong := append(dp.plain.wrong, dp.secure.wrong...); len(wrong) > 0 {
			t.Errorf("%s was shown tokens where they do not belong: %q", dp.Name(), wrong)
		}
	}
	t.Logf("%d clients without credentials, %d bytes each: %.0f fetches of a token, %d requests with one, %d bytes fetched twice",
		clients, f.Size, fetches, right, extra)
	if fetches != 2 {
		t.Errorf("the token was fetched %.0f times, want twice: at the start, and when it had expired", fetches)
	}
	if right == 0 || extra > windowBytes {
		t.Errorf("%d requests with a token; %d bytes fetched twice, want at most a window", right, extra)
	}
}

// tokenlessClient downloads as BITS does, and shows nothing.
func tokenlessClient(t *testing.T, b *box, lib *sim.Library, url string, progress func(int)) {
	client, err := sim.NewBITS(sim.BITSConfig{
		ClientConfig: sim.ClientConfig{Library: lib, Proxy: b.proxy}, BlockSize: 900_000, RetryDelay: time.Millisecond,
		MaxRetries: 1, Progress: progress,
	})
	if err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if r := client.Download(ctx, url); r.Err != nil || r.Retries > 0 {
		t.Errorf("after %d retries: %v; %v", r.Retries, r.Err, r.Troubles)
	}
}
