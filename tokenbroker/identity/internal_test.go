package identity

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // thumbprints
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var oneKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		panic(err)
	}
	return key
})

func TestChoose(t *testing.T) {
	now := time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)
	certificate := func(subject string, years int, usage ...x509.ExtKeyUsage) *x509.Certificate {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: subject}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(years, 0, -1),
			ExtKeyUsage: usage,
		}
		by := &x509.Certificate{Subject: pkix.Name{CommonName: "Example CA"}}
		der, err := x509.CreateCertificate(rand.Reader, template, by, &oneKey().PublicKey, oneKey())
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	list := []*x509.Certificate{
		certificate("pc.example.org", 0, x509.ExtKeyUsageClientAuth), // ended yesterday
		certificate("pc.example.org", 1, x509.ExtKeyUsageClientAuth),
		certificate("PC.example.org", 3, x509.ExtKeyUsageClientAuth),
		certificate("pc.example.org", 9, x509.ExtKeyUsageServerAuth),
		certificate("server", 9, x509.ExtKeyUsageServerAuth),
	}
	thumbprint := fmt.Sprintf("\u200e% X", sha1.Sum(list[1].Raw)) //nolint:gosec // see above
	for _, test := range []struct {
		name string
		Query
		want []int
		err  string
	}{
		{"by subject", Query{Subject: "pc.EXAMPLE.org"}, []int{2, 1}, ""},
		{"by issuer", Query{Issuer: "example ca"}, []int{2, 1}, ""},
		{"by both", Query{Issuer: "Example CA", Subject: "pc.example.org"}, []int{2, 1}, ""},
		{"by thumbprint as it is copied", Query{Thumbprint: thumbprint}, []int{1}, ""},
		{"by thumbprint with colons", Query{Thumbprint: strings.ToLower(strings.ReplaceAll(thumbprint, " ", ":"))}, []int{1}, ""},
		{"thumbprint of another one", Query{Thumbprint: thumbprint, Subject: "server"}, nil, "no such certificate"},
		{"unknown", Query{Subject: "pc"}, nil, "no such certificate"},
		{"not for clients", Query{Subject: "server"}, nil, "of 1 such certificates in the store none can be used"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.choose(list, now)
			if !slices.Equal(got, test.want) || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("choose = %v, %v, want %v, %q", got, err, test.want, test.err)
			}
		})
	}
	if _, err := (Query{Subject: "pc.example.org"}).choose(list[:1], now); !errors.Is(err, ErrNotValid) {
		t.Errorf("of an old certificate alone: %v, want ErrNotValid", err)
	}
}

// TestNothingIsPrinted looks for the key in what prints of an identity.
func TestNothingIsPrinted(t *testing.T) {
	i, err := Create(Config{Directory: t.TempDir() + "/identity", SiteCode: "PS1"})
	if err != nil {
		t.Fatal(err)
	}
	secret := i.held.key.(interface{ Reveal() *rsa.PrivateKey }).Reveal()
	marks := []string{secret.D.String(), fmt.Sprintf("%x", secret.D), secret.Primes[0].String(), fmt.Sprint(uint(secret.D.Bits()[3]))}
	shown := *i
	shown.held.kind = 2
	for _, v := range []any{i, *i, i.held, i.TLS(), shown.TLS(), *shown.TLS(), i.Describe(), struct{ a any }{*i}, []any{i}} {
		text, _ := json.Marshal(v)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
			text = fmt.Appendf(text, verb, v)
		}
		for _, mark := range marks {
			if strings.Contains(strings.ToLower(string(text)), mark) {
				t.Errorf("%T prints its key", v)
			}
		}
	}
	if got := fmt.Sprintf("%+v", i); got != "CN=ConfigMgr Client" {
		t.Errorf("the identity prints as %q", got)
	}
	var _ crypto.Decrypter = i.held.key.(crypto.Decrypter) // tokens that are sealed to us have to be opened
}

func FuzzKeyFile(f *testing.F) {
	_, text, err := makeOwn(time.Now())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:len(text)/2])
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		held, err := parseOwn(text)
		if err == nil && !held.leaf().PublicKey.(*rsa.PublicKey).Equal(held.key.Public()) {
			t.Fatal("a key and a certificate that do not belong together are taken")
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"site":"PS1","key":"` + strings.Repeat("0", 64) + `","smsid":"GUID:0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0","status":0,"approval":1,"at":"2030-01-02T03:04:05Z"}`))
	f.Add([]byte(`{"site":"PS1","at":"9999-12-31T23:59:59.9+14:00"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parseRecord(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Skip("a time that RFC 3339 cannot write")
		}
		if back, err := parseRecord(again); err != nil || back != r {
			t.Fatalf("%+v comes back as %+v, %v", r, back, err)
		}
	})
}
