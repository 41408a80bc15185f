package ccm

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// cloudAt is a cloud location on a server.
func cloudAt(t *testing.T, url string) Location {
	t.Helper()
	query, err := NewSecret("pid=PS100015&cid=PS100015&sig=" + canary)
	must(t, err)
	return Location{URL: url + "/downloadrestservice.svc/getcontentxmlsecure", Query: query, Cloud: true, Access: AccessToken}
}

func TestGetManifest(t *testing.T) {
	list := listOf(fileOf("a", "1", signedURL("a")))
	for _, c := range []struct {
		name   string
		token  string
		header Presentation
		status int
		body   string
		kind   error // nil: the list
		says   string
	}{
		{"usual", "t0k3n", Presentation{}, 200, list, nil, ""},
		{"in another header", "t0k3n", Presentation{"CCMToken", "{token}"}, 200, list, nil, ""},
		{"without a token", "", Presentation{}, 200, list, nil, ""},
		{"token refused", "t0k3n", Presentation{}, 401, canary, ErrExpired, "HTTP 401"},
		{"query refused", "t0k3n", Presentation{}, 403, canary, ErrForbidden, "HTTP 403"},
		{"redirected", "t0k3n", Presentation{}, 302, "", ErrRedirected, "HTTP 302"},
		{"not for us", "t0k3n", Presentation{}, 400, "", ErrProtocol, "HTTP 400"},
		{"another success", "t0k3n", Presentation{}, 204, "", ErrProtocol, "HTTP 204"},
		{"broken", "t0k3n", Presentation{}, 500, "", ErrServer, "HTTP 500"},
		{"empty", "t0k3n", Presentation{}, 200, "", ErrProtocol, "it is empty"},
		{"another schema", "t0k3n", Presentation{}, 200, "<M><Blob/></M>", ErrProtocol, `no file at "//File"`},
		{"too large", "t0k3n", Presentation{}, 200, list + strings.Repeat(" ", 4096), ErrProtocol, "larger than the limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got *http.Request
			server, transport := newTLS(t, func(w http.ResponseWriter, r *http.Request) {
				got = r
				if c.status == 302 {
					w.Header().Set("Location", "/elsewhere")
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})
			m, err := NewManifests(ManifestsConfig{Transport: transport, Header: c.header, MaxReply: 4096})
			must(t, err)
			var token Token
			if c.token != "" {
				token = testToken(t, c.token)
			}
			files, err := m.Get(t.Context(), cloudAt(t, server.URL), token)
			if !errors.Is(err, c.kind) || (err == nil) != (c.kind == nil) || c.kind == nil && shown(files) != "a 1 true" {
				t.Fatalf("got %s (%v), want %v", shown(files), err, c.kind)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("the error is %q, want one with %q", err, c.says)
			}
			clean(t, "the error", err, canary, "t0k3n")
			want := map[bool]string{true: "Bearer " + c.token, false: c.token}[c.header.Header == "" && c.token != ""]
			name := c.header.withDefaults().Header
			if got.Header.Get(name) != want || got.UserAgent() != "SMS CCM 5.0" || got.URL.Query().Get("sig") != canary || got.Method != http.MethodGet {
				t.Errorf("asked %s with %s: %q and the agent %q", got.Method, name, got.Header.Get(name), got.UserAgent())
			}
		})
	}
}

// TestManifestInTheClear checks that a token never goes to a location without TLS, whatever a site says.
func TestManifestInTheClear(t *testing.T) {
	refuse := roundTripper(func(*http.Request) (*http.Response, error) {
		t.Error("something was sent")
		return nil, errors.New("no line")
	})
	m, err := NewManifests(ManifestsConfig{Transport: refuse})
	must(t, err)
	for _, url := range []string{"http://cloud.example.org", "https://u:p@cloud.example.org", "", "https://%zz"} {
		if _, err := m.Get(t.Context(), cloudAt(t, url), testToken(t, canary)); !errors.Is(err, ErrProtocol) {
			t.Errorf("%q: got %v, want %v", url, err, ErrProtocol)
		}
	}
}

func TestNewManifests(t *testing.T) {
	transport := testTransport(t)
	for _, c := range []struct {
		name   string
		config ManifestsConfig
		says   string
	}{
		{"usual", ManifestsConfig{Transport: transport}, ""},
		{"no transport", ManifestsConfig{}, "transport is missing"},
		{"bad header", ManifestsConfig{Transport: transport, Header: Presentation{Format: "x"}}, "token format"},
		{"bad place", ManifestsConfig{Transport: transport, Manifest: ManifestSettings{Path: "a b"}}, "is no place"},
		{"negative timeout", ManifestsConfig{Transport: transport, Timeout: -time.Second}, "negative"},
		{"negative limit", ManifestsConfig{Transport: transport, MaxReply: -1}, "negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := NewManifests(c.config)
			if (m != nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v (%v), want an error about %q", m != nil, err, c.says)
			}
		})
	}
	m, err := NewManifests(ManifestsConfig{Transport: transport})
	must(t, err)
	if files, err := m.Read([]byte(listOf(fileOf("a", "1", signedURL("a"))))); err != nil || shown(files) != "a 1 true" {
		t.Errorf("a list that passed by reads as %s (%v)", shown(files), err)
	}
}
