package ccm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// newTLS starts a server with a certificate and returns a transport that trusts it.
func newTLS(t *testing.T, h http.HandlerFunc) (*httptest.Server, *http.Transport) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	transport, err := NewTransport(TransportConfig{TLS: &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}})
	must(t, err)
	t.Cleanup(transport.CloseIdleConnections)
	return s, transport
}

// queue is a source that has another token each time one is forgotten.
type queue struct {
	tokens    []Token
	forgotten []string
}

func (q *queue) Token(context.Context) (Token, error) {
	if len(q.tokens) == 0 {
		return Token{}, &Error{Op: "test", Kind: ErrExpired}
	}
	return q.tokens[0], nil
}

func (q *queue) Forget(t Token) {
	q.forgotten = append(q.forgotten, t.Reveal())
	q.tokens = q.tokens[1:]
}

// TestSTSForms runs the exchange in each form. None is known to be CM's.
func TestSTSForms(t *testing.T) {
	now := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	jwt := "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3MDQxNjgyNDV9.eA" // an hour from now
	for _, c := range []struct {
		name   string
		change func(*STSConfig)
		asked  string // verb, path, Authorization, X-Token, Content-Type, body
		answer string
		token  string
		life   time.Duration
		err    error
	}{
		{"GET with bearer, JWT in the body", nil, "GET /CCM_STS|Bearer entra|||", jwt, jwt, time.Hour, nil},
		{"opaque token", nil, "GET /CCM_STS|Bearer entra|||", "opaque\r\n", "opaque", 8 * time.Hour, nil},
		{"UTF-16", nil, "GET /CCM_STS|Bearer entra|||", "\xff\xfeo\x00k\x00", "ok", 8 * time.Hour, nil},
		{"another header", func(c *STSConfig) { c.Header = Presentation{"X-Token", "{token}"} }, "GET /CCM_STS||entra||", "ok", "ok", 8 * time.Hour, nil},
		{"POST with the token in the header", func(c *STSConfig) { c.Method = "POST" }, "POST /CCM_STS|Bearer entra|||", "ok", "ok", 8 * time.Hour, nil},
		{"POST with the token as body", func(c *STSConfig) { c.Method, c.Carriage = "POST", CarriedInBody }, "POST /CCM_STS|||text/plain|entra", "ok", "ok", 8 * time.Hour, nil},
		{"POST with a form", func(c *STSConfig) {
			c.Method, c.Carriage, c.Body, c.ContentType = "POST", CarriedInBody, "token={token}", "application/x-www-form-urlencoded"
		}, "POST /CCM_STS|||application/x-www-form-urlencoded|token=entra", "ok", "ok", 8 * time.Hour, nil},
		{"a verb of CM", func(c *STSConfig) { c.Method, c.Carriage = "CCM_POST", CarriedInBody }, "CCM_POST /CCM_STS|||text/plain|entra", "ok", "ok", 8 * time.Hour, nil},
		{"another path", func(c *STSConfig) { c.Path = "/CCM_STS/token" }, "GET /CCM_STS/token|Bearer entra|||", "ok", "ok", 8 * time.Hour, nil},
		{"JSON", func(c *STSConfig) { c.Reply, c.Expiry = "json:d.token", "json:d.expires_in" }, "GET /CCM_STS|Bearer entra|||", `{"d":{"token":"ok","expires_in":600}}`, "ok", 10 * time.Minute, nil},
		{"JSON that is a string", func(c *STSConfig) { c.Reply = "json" }, "GET /CCM_STS|Bearer entra|||", `"ok"`, "ok", 8 * time.Hour, nil},
		{"XML", func(c *STSConfig) { c.Reply, c.Expiry = "xml://Token", "xml:R/@e" }, "GET /CCM_STS|Bearer entra|||", `<R e="2024-01-02T03:14:05Z"><Token>ok</Token></R>`, "ok", 10 * time.Minute, nil},
		{"header", func(c *STSConfig) { c.Reply, c.Expiry = "header:CCMToken", "header:CCMExpires" }, "GET /CCM_STS|Bearer entra|||", "", "ok", 5 * time.Minute, nil},
		{"shorter greatest age", func(c *STSConfig) { c.MaxAge = time.Minute }, "GET /CCM_STS|Bearer entra|||", jwt, jwt, time.Minute, nil},
		{"empty", nil, "GET /CCM_STS|Bearer entra|||", "", "", 0, ErrRefused},
		{"JSON without it", func(c *STSConfig) { c.Reply = "json:x.token" }, "GET /CCM_STS|Bearer entra|||", `{"x":[1]}`, "", 0, ErrNoToken},
		{"JSON with an object there", func(c *STSConfig) { c.Reply = "json:x" }, "GET /CCM_STS|Bearer entra|||", `{"x":{}}`, "", 0, ErrNoToken},
		{"not JSON", func(c *STSConfig) { c.Reply = "json:token" }, "GET /CCM_STS|Bearer entra|||", `<html>`, "", 0, ErrProtocol},
		{"not XML", func(c *STSConfig) { c.Reply = "xml://Token" }, "GET /CCM_STS|Bearer entra|||", `{}`, "", 0, ErrProtocol},
		{"a page in place of a token", nil, "GET /CCM_STS|Bearer entra|||", "<html>\r\n</html>", "", 0, ErrNoToken},
		{"far too large", nil, "GET /CCM_STS|Bearer entra|||", strings.Repeat("x", maxIssued+1), "", 0, ErrProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked string
			server, transport := newTLS(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				asked = fmt.Sprintf("%s %s|%s|%s|%s|%s", r.Method, r.URL, r.Header.Get("Authorization"), r.Header.Get("X-Token"), r.Header.Get("Content-Type"), body)
				w.Header().Set("CCMToken", "ok")
				w.Header().Set("CCMExpires", "300")
				_, _ = io.WriteString(w, c.answer)
			})
			config := STSConfig{URL: server.URL, Incoming: &queue{tokens: []Token{testToken(t, "entra")}}, Transport: transport, Now: func() time.Time { return now }}
			if c.change != nil {
				c.change(&config)
			}
			sts, err := NewSTS(config)
			must(t, err)
			got, err := sts.Exchange(t.Context())
			if got.Reveal() != c.token || !errors.Is(err, c.err) || asked != c.asked {
				t.Fatalf("asked %q, got %.40q (%v); want %q, %.40q (%v)", asked, got.Reveal(), err, c.asked, c.token, c.err)
			}
			if err == nil && !got.Expires.Equal(now.Add(c.life)) {
				t.Errorf("good for %v, want %v", got.Expires.Sub(now), c.life)
			}
		})
	}
}

// TestSTSRefusals checks what becomes of a token that is not taken.
func TestSTSRefusals(t *testing.T) {
	for _, c := range []struct {
		name      string
		tokens    []string
		status    int
		want      error
		shown     string
		forgotten string
	}{
		{"expired, then another", []string{"old", "new"}, 401, nil, "old new", "old"},
		{"expired, and the next too", []string{"old", "older", "new"}, 401, ErrExpired, "old older", "old"},
		{"expired, and there is no other", []string{"old"}, 401, ErrExpired, "old", "old"},
		{"redirected", []string{"old", "new"}, 302, ErrRedirected, "old", ""},
		{"certificate required", []string{"old", "new"}, 403, ErrForbidden, "old", ""},
		{"failing", []string{"old", "new"}, 500, ErrServer, "old", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var shown []string
			server, transport := newTLS(t, func(w http.ResponseWriter, r *http.Request) {
				token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
				shown = append(shown, token)
				if token != "new" || c.status != 401 {
					w.Header().Set("Location", "/elsewhere")
					w.WriteHeader(c.status)
					return
				}
				_, _ = io.WriteString(w, "ccm")
			})
			q := &queue{}
			for _, text := range c.tokens {
				q.tokens = append(q.tokens, testToken(t, text))
			}
			sts, err := NewSTS(STSConfig{URL: server.URL, Incoming: q, Transport: transport})
			must(t, err)
			got, err := sts.Exchange(t.Context())
			if !errors.Is(err, c.want) || err == nil && got.Reveal() != "ccm" {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if strings.Join(shown, " ") != c.shown || strings.Join(q.forgotten, " ") != c.forgotten {
				t.Errorf("shown %q, forgotten %q; want %q and %q", shown, q.forgotten, c.shown, c.forgotten)
			}
		})
	}
}

// TestMessagesWithCCMToken checks the whole way through a gateway: an Entra token is exchanged, the CCM token opens
// ccm_system_tokenauth, and one that has been revoked is exchanged anew, once.
func TestMessagesWithCCMToken(t *testing.T) {
	s := &site{t: t}
	valid, issued := "", 0
	s.answer = func(w http.ResponseWriter, r received) (string, bool) {
		if r.header.Get("Authorization") != "Bearer "+valid {
			http.Error(w, "CMGService_Invalid_Token", http.StatusUnauthorized)
			return "", false
		}
		return noLocations, true
	}
	server, transport := newTLS(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/CCM_Proxy_ServerAuth/72057594037937981/CCM_STS" {
			s.ServeHTTP(w, r)
			return
		}
		issued++
		valid = fmt.Sprintf("ccm%d", issued)
		_, _ = io.WriteString(w, valid)
	})
	gateway, err := ParseGateway(server.URL + "/CCM_Proxy_MutualAuth/72057594037937981")
	must(t, err)
	sts, err := NewSTS(STSConfig{URL: gateway.ServerAuth(), Incoming: &queue{tokens: []Token{testToken(t, "entra")}}, Transport: transport})
	must(t, err)
	kept, err := Keep(sts.Exchange, 0, nil)
	must(t, err)
	client := testClient(t, s.named(server), func(c *Config) {
		c.URL, c.Directory, c.Transport, c.CCMToken = gateway.ServerAuth(), TokenDirectory, transport, kept
	})
	for i, want := range []int{1, 1, 2} {
		if i == 2 {
			valid = "revoked"
		}
		if _, err := client.Locate(t.Context(), Content{}, Place{}); err != nil || issued != want {
			t.Fatalf("message %d: %v; %d tokens were issued, want %d", i+1, err, issued, want)
		}
	}
	var paths []string
	for _, m := range s.messages() {
		paths = append(paths, m.path)
	}
	const path = "/CCM_Proxy_ServerAuth/72057594037937981/ccm_system_tokenauth/request"
	if !slices.Equal(paths, []string{path, path, path, path}) || s.messages()[0].property("ClientCapabilities") != "SSL" {
		t.Errorf("messages went to %q", paths)
	}
	clean(t, "what holds tokens", []any{sts, kept, client}, "ccm1", "ccm2", "entra")
}

func TestSTSSettings(t *testing.T) {
	good := STSConfig{URL: "https://mp.example.org", Incoming: &queue{}, Transport: http.NewFileTransport(http.Dir("."))}
	if _, err := NewSTS(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*STSConfig){
		"plain HTTP": func(c *STSConfig) { c.URL = "http://mp.example.org" }, "no token": func(c *STSConfig) { c.Incoming = nil }, "no transport": func(c *STSConfig) { c.Transport = nil },
		"path": func(c *STSConfig) { c.Path = "CCM_STS" }, "path with a query": func(c *STSConfig) { c.Path = "/a?b" }, "verb": func(c *STSConfig) { c.Method = "A B" },
		"carriage": func(c *STSConfig) { c.Carriage = "x" }, "GET with a body": func(c *STSConfig) { c.Carriage = CarriedInBody }, "body": func(c *STSConfig) { c.Body = "x" },
		"content type": func(c *STSConfig) { c.ContentType = "a\nb" }, "age": func(c *STSConfig) { c.MaxAge = -1 }, "timeout": func(c *STSConfig) { c.Timeout = -1 },
		"header": func(c *STSConfig) { c.Header.Header = "a b" }, "format": func(c *STSConfig) { c.Header.Format = "x" }, "format twice": func(c *STSConfig) { c.Header.Format = "{token}{token}" },
		"reply": func(c *STSConfig) { c.Reply = "x" }, "reply header": func(c *STSConfig) { c.Reply = "header:" }, "reply path": func(c *STSConfig) { c.Reply = "xml:" }, "expiry": func(c *STSConfig) { c.Expiry = "body:x" },
	} {
		c := good
		change(&c)
		if _, err := NewSTS(c); err == nil {
			t.Errorf("%s: passes", name)
		}
	}
}

func FuzzField(f *testing.F) {
	f.Add("json:a.b", []byte(`{"a":{"b":"c"}}`))
	f.Add("xml://b", []byte(`<a><b>c</b></a>`))
	f.Add("json", []byte("\"\xc7\xcf\""))
	f.Add("body", []byte("\xff\xfea\x00"))
	f.Add("header:X", []byte(""))
	f.Fuzz(func(t *testing.T, spec string, body []byte) {
		where, err := parseField(spec)
		if err != nil {
			return
		}
		value, err := where.of(answer{header: http.Header{"X": {"y"}}, body: body})
		if err != nil {
			if _, known := errors.AsType[flaw](err); !known {
				t.Errorf("the error %q may quote the answer", err)
			}
		} else if len(value) > 3*len(body)+1 { // what is no UTF-8 becomes U+FFFD, which has three bytes
			t.Errorf("%d bytes hold %d", len(body), len(value))
		}
	})
}
