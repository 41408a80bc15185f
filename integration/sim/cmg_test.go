package sim

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// standIn is a management point behind a gateway that answers as a test wants.
type standIn struct {
	*httptest.Server

	mu     sync.Mutex
	answer http.HandlerFunc
	seen   []string // method, target, vouched, X-Kept and body of each request
}

func newStandIn(t testing.TB) *standIn {
	t.Helper()
	s := &standIn{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.seen = append(s.seen, strings.Join([]string{r.Method, r.RequestURI, r.Header.Get("X-Vouched"), r.Header.Get("X-Kept"), string(body)}, "|"))
		answer := s.answer
		s.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// Address implements BehindGateway.
func (s *standIn) Address(scheme string) string {
	if scheme == "https" {
		return ""
	}
	return s.Listener.Addr().String()
}

// Vouch implements BehindGateway.
func (s *standIn) Vouch(h http.Header, how string) { h.Set("X-Vouched", how) }

func (s *standIn) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) == 0 {
		return ""
	}
	return s.seen[len(s.seen)-1]
}

func (s *standIn) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

func (s *standIn) answers(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = h
}

// testGateway is a gateway before a stand-in, with a client for each way of authenticating.
type testGateway struct {
	*Gateway
	t      testing.TB
	clock  *testClock
	ca     *CA
	mp     *standIn
	tokens *Tokens
	token  string       // a good one, as the header has it
	http   *http.Client // without a certificate
	known  *http.Client // with one
	how    string       // that one
}

func newTestGateway(t testing.TB, change func(*GatewayConfig)) *testGateway {
	t.Helper()
	g := &testGateway{t: t, clock: &testClock{now: time.Now()}, mp: newStandIn(t)}
	var err error
	if g.ca, err = NewCA(); err != nil {
		t.Fatal(err)
	}
	if g.tokens, err = NewTokens(TokensConfig{Header: "X-Ccm", Format: "CCM {token}", Now: g.clock.Now}); err != nil {
		t.Fatal(err)
	}
	c := GatewayConfig{Name: "cmg", CA: g.ca, ManagementPoints: map[uint64]BehindGateway{7: g.mp}, CCMTokens: g.tokens, Now: g.clock.Now}
	if change != nil {
		change(&c)
	}
	if g.Gateway, err = NewGateway(c); err != nil {
		t.Fatal(err)
	}
	if err := g.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	g.token = "CCM " + g.tokens.Issue(time.Hour).Reveal()
	pair, err := g.ca.Issue("PC1")
	if err != nil {
		t.Fatal(err)
	}
	g.http, g.known, g.how = g.client(), g.client(pair), "certificate:"+thumbprint(mustLeaf(t, &pair))
	return g
}

func (g *testGateway) client(certs ...tls.Certificate) *http.Client {
	c := newHTTPClient(g.t, g.ca, certs...)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// ask asks for the list of management points.
func (g *testGateway) ask(c *http.Client, path string, header ...string) (status string) {
	g.t.Helper()
	resp, _ := mustSend(g.t, c, "GET", g.URL("https")+path, "", header...)
	return resp.Status
}
