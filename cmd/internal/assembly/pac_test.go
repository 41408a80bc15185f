package assembly

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"branchpoint/proxy/content"
	"branchpoint/proxy/upstream"
)

func TestPointedHosts(t *testing.T) {
	c := parse(t, `
distribution_points: [{url: "http://DP1"}, {url: "http://dp2:8080", token_url: "https://dp2-token:8443"}, {url: "http://[::1]"}]
management_points: [mp1]
cloud_management_gateways: ["cmg.example.com:8443"]
interception: {hosts: ["*.cdn.example.com"]}
cloud: {blob_hosts: ["*.blob.example.com"]}
`)
	want := []string{"*.cdn.example.com", "::1", "cmg.example.com", "dp1", "dp2", "dp2-token", "*.blob.example.com"}
	if got := pointedHosts(c); !slices.Equal(got, want) {
		t.Errorf("clients are pointed here for %q, want %q", got, want)
	}
}

// TestServedHosts: a host is named when content has come from it, and not because somebody asked for it.
func TestServedHosts(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Unix(1e9, 0), strings.NewReader("the file"))
	}))
	defer server.Close()
	at := strings.TrimPrefix(server.URL, "http://")
	host, port, _ := net.SplitHostPort(at)
	nobody := httptest.NewUnstartedServer(nil)
	nobody.Listener.Close()
	pool, err := upstream.New(upstream.Config{Locations: []upstream.Location{{Base: "http://configured"}}, GiveUpAfter: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, authority := range []string{at, nobody.Listener.Addr().String()} {
		target, ok := content.Parse("http", authority, "/SMS_DP_SMSPKG$/PS100015.3/a")
		if !ok {
			t.Fatal("not content")
		}
		if _, body, err := pool.Source(target).Open(t.Context(), nil, 0, -1); err == nil {
			_, _ = io.Copy(io.Discard, body)
			body.Close()
		}
	}
	if got := servedHosts(pool)(); !slices.Equal(got, []string{host}) {
		t.Errorf("content came from %q, want only %s (%s)", got, host, port)
	}
}
