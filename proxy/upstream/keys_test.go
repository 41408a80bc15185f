package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"branchpoint/cache"
)

// TestA403IsAboutTheFileUntilAnotherTokenGetsIn: only then is the first token given up.
func TestA403IsAboutTheFileUntilAnotherTokenGetsIn(t *testing.T) {
	data := randomBytes(35, 100)
	for _, tt := range []struct {
		name     string
		left     int    // tokens that there are
		admits   string // the token that the DP wants for the file; empty: none will do
		second   int    // status that the second token gets; zero: 403
		requests int64
		refusals string
		want     error
	}{
		{"the only token, and nobody may have the file", 1, "", 0, 1, "[]", cache.ErrRefused},
		{"two tokens, and nobody may have the file", 2, "", 0, 2, "[]", cache.ErrRefused},
		{"two tokens, and the second is no token at all", 2, "", 401, 2, "[2]", cache.ErrRefused},
		{"two tokens, and the file is missing to the second", 2, "", 404, 2, "[]", cache.ErrMissing},
		{"the first has ended", 2, "site-2", 0, 2, "[]", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newTLSDP(t, data)
			d.setScript(func(w http.ResponseWriter, r *http.Request) {
				token := r.Header.Get("X-CCM-Token")
				switch {
				case token == tt.admits || strings.HasSuffix(r.RequestURI, "/other.exe") && token == "site-1":
					d.serve(w, r)
				case token == "site-2" && tt.second != 0:
					w.WriteHeader(tt.second)
				default:
					w.WriteHeader(http.StatusForbidden)
				}
			})
			tokens := &fakeTokens{left: tt.left}
			p := testPool(t, Config{Locations: []Location{{Base: d.URL, Audience: "site"}}, RootCAs: roots(d), Tokens: tokens,
				CredentialHeaders: []string{"X-CCM-Token"}})
			_, err := p.Source(targetAt(t, p, d.URL, tokenTarget)).Stat(context.Background())
			if !errors.Is(err, tt.want) || (tt.want == nil && err != nil) {
				t.Errorf("Stat: %v, want %v", err, tt.want)
			}
			if n := d.requests.Load(); n != tt.requests || fmt.Sprint(tokens.refusals) != tt.refusals {
				t.Errorf("%d requests, refused stamps %v; want %d and %s", n, tokens.refusals, tt.requests, tt.refusals)
			}
			if tt.want == nil {
				if fmt.Sprint(tokens.accepted) != "[2]" || tokens.hosts[0] != strings.TrimPrefix(d.URL, "https://") {
					t.Errorf("accepted stamps %v at %v, want that of the second, at the DP", tokens.accepted, tokens.hosts)
				}
				return
			}
			other := "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015/sccm?/other.exe"
			if _, err := p.Source(targetAt(t, p, d.URL, other)).Stat(context.Background()); err != nil || d.requests.Load() != tt.requests+1 {
				t.Errorf("another file, which everybody with the first token may have: %v after %d more requests", err, d.requests.Load()-tt.requests)
			}
		})
	}
}
