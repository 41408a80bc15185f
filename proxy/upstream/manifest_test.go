package upstream

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"crypto/x509"

	"branchpoint/proxy/content"
)

// counted hands out one token after the other.
type counted struct {
	tokens  []string
	refused int
}

func (c *counted) Authorize(_ context.Context, _ string, h http.Header) (uint64, error) {
	if c.refused >= len(c.tokens) {
		return 0, errors.New("no token")
	}
	h.Set("Authorization", "Bearer "+c.tokens[c.refused])
	return uint64(c.refused + 1), nil
}

func (c *counted) Another(ctx context.Context, audience string, stamp uint64, _ string, h http.Header) (uint64, error) {
	if stamp <= uint64(c.refused) {
		return c.Authorize(ctx, audience, h)
	}
	if stamp >= uint64(len(c.tokens)) {
		return 0, errors.New("no other token")
	}
	h.Set("Authorization", "Bearer "+c.tokens[stamp])
	return stamp + 1, nil
}

func (c *counted) Refused(string, uint64, string) { c.refused++ }

func (c *counted) Accepted(string, uint64, string) {}

func TestManifest(t *testing.T) {
	const (
		told = `<D:href>https://127.0.0.1:443/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015/a.cab</D:href>` +
			`<D:href>/ccmtokenauth_SMS_DP_SMSPKG%24/PS100015/b.cab</D:href>`
		want = `<D:href>http://$HOST/SMS_DP_SMSPKG$/PS100015/a.cab</D:href>` +
			`<D:href>/SMS_DP_SMSPKG%24/PS100015/b.cab</D:href>`
	)
	for _, c := range []struct {
		name    string
		tokens  []string
		vdir    string
		status  int
		answer  bool
		refused int
		shut    int    // what the DP says to a bad token; zero: 401
		host    string // by which the client calls it
	}{
		{"good token", []string{"good"}, "", 207, true, 0, 0, "127.0.0.1:1"},
		{"stale token, then a good one", []string{"stale", "good"}, "", 207, true, 1, 0, "127.0.0.1:1"},
		{"stale tokens only", []string{"stale", "staler"}, "", 207, false, 2, 0, "127.0.0.1:1"},
		{"no token", nil, "", 207, false, 0, 0, "127.0.0.1:1"},
		{"the client asks the token endpoint itself", []string{"good"}, "CCMTOKENAUTH_", 207, false, 0, 0, "127.0.0.1:1"},
		{"not allowed there", []string{"good"}, "", 405, false, 0, 0, "127.0.0.1:1"},
		{"ended token answered with 403, then a good one", []string{"stale", "good"}, "", 207, true, 0, 403, "127.0.0.1:1"},
		{"by an alias", []string{"good"}, "", 207, true, 0, 0, "dp.branch.example.com"},
		{"by what is no name", []string{"good"}, "", 207, true, 0, 0, "a&b$2"},
		{"403 whatever the token", []string{"stale", "staler"}, "", 207, false, 0, 403, "127.0.0.1:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked, body string
			dp := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer good" {
					w.WriteHeader(cmp.Or(c.shut, http.StatusUnauthorized))
					return
				}
				asked = r.Method + " " + r.RequestURI + " " + r.Header.Get("Depth") + " " + r.Header.Get("X-Own")
				b, _ := io.ReadAll(r.Body)
				body = string(b)
				w.WriteHeader(c.status)
				io.WriteString(w, told)
			}))
			defer dp.Close()
			roots := x509.NewCertPool()
			roots.AddCert(dp.Certificate())
			tokens := &counted{tokens: c.tokens}
			pool, err := New(Config{
				Locations: []Location{{Base: "http://127.0.0.1:1", TokenBase: dp.URL, Audience: "site"}},
				Tokens:    tokens, RootCAs: roots,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			target, ok := content.ParseFolder("http", "127.0.0.1:1", "/"+c.vdir+"SMS_DP_SMSPKG%24/PS100015")
			if !ok {
				t.Fatal("the target is no folder")
			}
			target.Header = http.Header{"Depth": {"infinity"}, "X-Own": {"the client's secret"}, "Authorization": {"Basic x"}}
			resp, err := pool.Manifest(t.Context(), target, c.host, []byte("<propfind/>"))
			if err != nil {
				t.Fatal(err)
			}
			if (resp != nil) != c.answer || tokens.refused != c.refused {
				t.Fatalf("an answer: %v, %d refusals, want %v and %d", resp != nil, tokens.refused, c.answer, c.refused)
			}
			if resp == nil {
				return
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			host := c.host
			if strings.Contains(host, "&") {
				host = "127.0.0.1:1"
			}
			if want := strings.Replace(want, "$HOST", host, 1); err != nil || string(got) != want {
				t.Errorf("body %q, %v, want %q", got, err, want)
			}
			if wantAsked := "PROPFIND /CCMTOKENAUTH_SMS_DP_SMSPKG%24/PS100015 infinity "; asked != wantAsked {
				t.Errorf("the DP was asked %q, want %q", asked, wantAsked)
			}
			if !strings.Contains(body, "propfind") {
				t.Errorf("the DP got the body %q", body)
			}
		})
	}
}
