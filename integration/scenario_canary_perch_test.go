package integration

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// The forms of secrets in what passes a tap.
const (
	bearer       = `(?i)\r\nauthorization: bearer ([^\r\n]+)`
	webToken     = `(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})`
	clientSecret = `client_secret=([^&\s]+)`
	signature    = `[?&;]sig=([A-Za-z0-9%+/=_-]{20,})`
)

// tapsSaw returns what has passed a tap in a form, each once.
func (r *roaming) tapsSaw(name, form string) (list []string) {
	found := map[string]bool{}
	for _, p := range r.taps {
		if p.name != name {
			continue
		}
		for _, match := range regexp.MustCompile(form).FindAllStringSubmatch(p.seen(), -1) {
			if !found[match[1]] {
				found[match[1]] = true
				list = append(list, match[1])
			}
		}
	}
	return list
}

// perch adds to the flock what the machine has authenticated with, and what was seen to pass.
func (s *roamingSinger) perch(t *testing.T) {
	t.Helper()
	s.perchKeys(t)
	s.birds.key(t, filepath.Join(s.dir, "ca", "ca.key"))
	wanted := map[string][]string{"classic service": {bearer, signature}, "spare service": {bearer, signature}, "classic storage": {signature}}
	if s.machine.PKI == nil {
		wanted["Entra"], wanted["gateway"] = []string{clientSecret, webToken}, []string{bearer, webToken, signature}
	}
	for tapped, forms := range wanted {
		for _, form := range forms {
			s.perchTapped(t, tapped, form)
		}
	}
}

// perchKeys adds the files that the machine authenticates with, and the key that it has made itself.
func (s *roamingSinger) perchKeys(t *testing.T) {
	t.Helper()
	for _, secret := range s.secrets {
		switch {
		case strings.HasSuffix(secret.name, ".key"):
			s.birds.rsaKey(t, secret.name, secret.text)
		case !strings.HasSuffix(secret.name, ".pem"):
			s.birds.keep(secret.name, secret.text)
		}
	}
	if s.machine.PKI == nil && runtime.GOOS != "windows" { // where the file is encrypted by the system
		text, err := os.ReadFile(filepath.Join(s.keys, "identity", "client.key"))
		must(t, err)
		s.birds.rsaKey(t, "registration key", string(text))
	}
}

// perchTapped adds what has passed a tap in a form, and fails the test when there was nothing like it.
func (s *roamingSinger) perchTapped(t *testing.T, name, form string) {
	t.Helper()
	secrets := s.tapsSaw(name, form)
	if len(secrets) == 0 {
		t.Errorf("%s: nothing like %s has passed", name, form)
	}
	for _, secret := range secrets {
		s.birds.wire(name, secret)
	}
}

// wire adds a secret as it was on the wire: a token with its parts, a signature with and without its escapes.
func (f *flock) wire(from, secret string) {
	f.keep(from+": "+fmt.Sprint(len(secret))+" bytes", secret)
	if parts := strings.Split(secret, "."); len(parts) == 3 {
		f.keep(from+": claims", parts[1])
		f.keep(from+": signature of a token", parts[2])
	}
	if plain, err := url.QueryUnescape(secret); err == nil && plain != secret {
		f.keep(from+": without escapes", plain)
	}
}

// rsaKey adds an RSA key in PEM: the lines that hold its private half, and its numbers in every usual coding.
func (f *flock) rsaKey(t testing.TB, name, text string) {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("%s is not PEM", name)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		t.Fatalf("%s is a %T", name, parsed)
	}
	pemLines := strings.Split(strings.TrimSpace(string(pem.EncodeToMemory(block))), "\n")
	const public = 8 // lines with the modulus
	for _, line := range pemLines[public+1 : len(pemLines)-2] {
		f.keep(name+", line of PEM", line)
	}
	for _, number := range append([]*big.Int{key.D}, key.Primes...) {
		raw := number.Bytes()
		f.keep(name+", number", string(raw))
		f.keep(name+", decimal", number.String())
		f.keep(name+", as Go prints bytes", strings.Trim(fmt.Sprint(raw), "[]"))
		for shift := range 3 { // whatever comes before it
			coded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), raw...))[2*shift : 40]
			f.keep(name+", base64", coded)
			f.keep(name+", base64 for URLs", strings.NewReplacer("+", "-", "/", "_").Replace(coded))
		}
	}
}
