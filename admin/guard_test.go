package admin

import (
	"net/http"
	"strings"
	"testing"

	"branchpoint/cache"
)

var reads = []string{"/metrics", "/api/v1/status", "/api/v1/contents", "/api/v1/upstreams", "/api/v1/tokens",
	"/api/v1/learned", "/api/v1/precache"}

var changes = []struct{ method, path string }{
	{"PUT", "/api/v1/tokens/default"}, {"PUT", "/api/v1/contents/x/pin"}, {"DELETE", "/api/v1/contents/x/pin"},
	{"DELETE", "/api/v1/contents/x"}, {"DELETE", "/api/v1/learned"}, {"POST", "/api/v1/scrub"}, {"POST", "/api/v1/reload"},
	{"POST", "/api/v1/precache"}, {"DELETE", "/api/v1/precache/7"},
}

func TestChangesNeedTheToken(t *testing.T) {
	s := newStage(t)
	s.objects = []cache.Object{{Name: "x"}}
	server := s.server(t)
	for name, header := range map[string][]string{
		"none":           nil,
		"empty":          {"Authorization", ""},
		"another scheme": {"Authorization", "Basic " + testSecret},
		"wrong":          {"Authorization", "Bearer " + testSecret + "x"},
		"a part":         {"Authorization", "Bearer " + testSecret[1:]},
		"two":            {"Authorization", "Bearer " + testSecret, "Authorization", "Bearer " + testSecret},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range changes {
				resp := ask(t, server, c.method, c.path, `{}`, header...)
				wantProblem(t, resp, http.StatusUnauthorized)
				if !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Bearer") {
					t.Errorf("%s %s does not say how to authenticate", c.method, c.path)
				}
			}
		})
	}
	if len(s.objects) != 1 || s.objects[0].Pinned || s.scrubbing == nil {
		t.Error("something was changed")
	}
	if server.scrub.status().Running {
		t.Error("a scrub was started")
	}
}

func TestReadsNeedNoToken(t *testing.T) {
	server := newStage(t).server(t)
	for _, path := range append(reads, "/healthz", "/readyz") {
		if resp := ask(t, server, "GET", path, ""); resp.StatusCode != http.StatusOK {
			t.Errorf("GET %s: status %d, want 200", path, resp.StatusCode)
		}
	}
}

func TestHost(t *testing.T) {
	server := newStage(t).server(t)
	for host, want := range map[string]int{
		"localhost":                 http.StatusOK,
		"LOCALHOST:8081":            http.StatusOK,
		"127.0.0.1:8081":            http.StatusOK,
		"[::1]:8081":                http.StatusOK,
		"[::1]":                     http.StatusOK,
		"box7.example.com:8081":     http.StatusMisdirectedRequest,
		"evil.example":              http.StatusMisdirectedRequest,
		"localhost.evil.example:80": http.StatusMisdirectedRequest,
		"127.0.0.1.evil.example":    http.StatusMisdirectedRequest,
		"":                          http.StatusMisdirectedRequest,
	} {
		for _, path := range []string{"/api/v1/status", "/healthz"} {
			resp := ask(t, server, "GET", path, "", "Host", host)
			if resp.StatusCode != want {
				t.Errorf("Host %q, %s: status %d, want %d", host, path, resp.StatusCode, want)
			}
		}
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	server := newStage(t).server(t)
	for _, path := range append(reads, "/healthz", "/readyz", "/nothing", "/api/v1/contents/x") {
		h := ask(t, server, "GET", path, "").Header
		for key, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if got := h.Get(key); got != want {
				t.Errorf("GET %s: %s is %q, want %q", path, key, got, want)
			}
		}
	}
}

func TestErrorsAreProblems(t *testing.T) {
	server := newStage(t).server(t)
	wantProblem(t, ask(t, server, "GET", "/nothing", ""), http.StatusNotFound)
	wantProblem(t, ask(t, server, "GET", "/api/v1", ""), http.StatusNotFound)
	resp := ask(t, server, "DELETE", "/api/v1/status", "")
	wantProblem(t, resp, http.StatusMethodNotAllowed)
	if allow := resp.Header.Get("Allow"); allow != "GET" {
		t.Errorf("Allow is %q, want GET", allow)
	}
}

func TestPanicEndsOnlyItsRequest(t *testing.T) {
	s := newStage(t)
	server := s.server(t, func(c *Config) { c.Listeners = func() []Listener { panic(testSecret) } })
	wantProblem(t, ask(t, server, "GET", "/api/v1/status", ""), http.StatusInternalServerError)
	if log := s.log.String(); !strings.Contains(log, "panicked") || strings.Contains(log, testSecret) {
		t.Errorf("the log must tell of the panic and not its value:\n%s", log)
	}
}
