package admin

import (
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// FuzzHost checks that nobody gets through under a name that a web page could have: DNS has no IP address for a name, and
// localhost is resolved by no server.
func FuzzHost(f *testing.F) {
	for _, seed := range []string{
		"localhost", "localhost:8081", "[::1]:80", "::1", "127.0.0.1", "evil.example", "localhost.", "[localhost]", "a:b:c",
		"[fe80::1%eth0]", "%",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name := host
		if h, _, err := net.SplitHostPort(host); err == nil {
			name = h
		}
		_, err := netip.ParseAddr(strings.Trim(name, "[]"))
		bare := strings.ToLower(strings.Trim(name, "[]"))
		harmless := err == nil || bare == "localhost"
		if got := knownHost(host); got && !harmless {
			t.Errorf("%q gets through", host)
		}
	})
}

// FuzzContentOf checks that a content is a beginning of its objects' names, of three parts, and its own content.
func FuzzContentOf(f *testing.F) {
	for _, seed := range []string{"", "/", "a/b/c/d", "a/b/c/", "a/b/c", "default/package/ps100015/a b/c.exe", "////"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, object string) {
		content := contentOf(object)
		rest, ok := strings.CutPrefix(object, content)
		if !ok || rest != "" && rest[0] != '/' || rest != "" && strings.Count(content, "/") != 2 {
			t.Errorf("the content of %q is %q", object, content)
		}
		if strings.Count(object, "/") >= 3 && rest == "" {
			t.Errorf("the content of %q is all of it", object)
		}
		if again := contentOf(content); again != content {
			t.Errorf("the content of %q is %q, and of that %q", object, content, again)
		}
	})
}

// FuzzReadToken checks that a refusal of a body never repeats any of it.
func FuzzReadToken(f *testing.F) {
	for _, seed := range []string{"", "{", "\x00", `"`, `{"token": `, `{"token": "x", "expires": `, `[`, "null", "1e999"} {
		f.Add(seed, "")
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		r := httptest.NewRequest("PUT", "/", strings.NewReader(before+canary+after))
		if _, err := readToken(httptest.NewRecorder(), r); err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("the error repeats the body: %v", err)
		}
	})
}
