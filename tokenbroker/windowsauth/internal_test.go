package windowsauth

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"path/filepath"
	"testing"

	"branchpoint/tokenbroker/secretfile"
)

func TestServiceName(t *testing.T) {
	for text, want := range map[string]string{
		"http://mp.example.org": "HTTP/mp.example.org", "https://mp.example.org:8443/x": "HTTP/mp.example.org", "http://192.0.2.1": "", "http://[2001:db8::1]:80": "",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := spn(u); got != want {
			t.Errorf("spn(%s) = %q, want %q", text, got, want)
		}
	}
}

func TestSameServer(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"http://mp.example.org", "http://MP.example.org:80/x", true},
		{"https://mp.example.org:443", "https://mp.example.org", true},
		{"http://mp.example.org", "https://mp.example.org", false},
		{"http://mp.example.org", "http://mp.example.org:8080", false},
		{"http://mp.example.org", "http://mp.example.org.evil.example", false},
	} {
		a, err := url.Parse(test.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := url.Parse(test.b)
		if err != nil {
			t.Fatal(err)
		}
		if sameServer(a, b) != test.want || sameServer(b, a) != test.want {
			t.Errorf("%s and %s: want %v", a, b, test.want)
		}
	}
}

// FuzzChallenge answers whatever a server may say.
func FuzzChallenge(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "private")
	file := filepath.Join(dir, "password")
	if err := secretfile.MakeDirectory(dir); err != nil {
		f.Fatal(err)
	}
	if err := secretfile.Write(file, "", []byte("secret")); err != nil {
		f.Fatal(err)
	}
	who, err := newPassword(`CORP\PC1$`, file)
	if err != nil {
		f.Fatal(err)
	}
	h, hello, err := who.begin(schemeNTLM, "")
	if err != nil || len(hello) == 0 {
		f.Fatalf("begin = %q, %v", hello, err)
	}
	full := "NTLMSSP\x00\x02\x00\x00\x00\x06\x00\x06\x008\x00\x00\x00\x05\x82\x88\x00nonceoct\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x0e\x00\x0e\x00>\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00S\x00I\x00M\x00\x02\x00\x06\x00S\x00I\x00M\x00\x00\x00\x00\x00"
	if m, err := h.next([]byte(full)); err != nil || len(m) < 64 {
		f.Fatalf("the seed is answered with %q, %v", m, err)
	}
	f.Add("NTLM " + base64.StdEncoding.EncodeToString([]byte(full)))
	f.Add("Negotiate " + base64.StdEncoding.EncodeToString([]byte(full[:48])))
	f.Add("NTLM")
	f.Fuzz(func(t *testing.T, field string) {
		header := http.Header{"Www-Authenticate": {field}}
		for _, scheme := range who.schemes() {
			if message := challengeOf(header, scheme); len(message) > 0 {
				if offered(header, []string{scheme}) == "" {
					t.Fatalf("%q has a message of %s, and does not offer it", field, scheme)
				}
				_, _ = h.next(message)
			}
		}
	})
}
