package authority

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"testing"
)

// TestKeyIsNotPrinted looks for the key in everything that prints.
func TestKeyIsNotPrinted(t *testing.T) {
	names, err := ParseNames([]string{"dp1.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	p, text, err := makePair(names)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := key.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.authority()
	if err != nil {
		t.Fatal(err)
	}
	cert := leafFor(t, a, "dp1.example.com")
	held := struct {
		Open   any
		hidden any
		a      Authority
		p      pair
	}{a, cert, *a, *p}
	for _, v := range []any{a, *a, p, *p, p.key, *p.key, a.leaves, *a.leaves, cert, *cert, held, &held, []any{a, cert}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%X", "%q"} {
			if holds(fmt.Sprintf(verb, v), secret) {
				t.Errorf("%T in %s holds the key", v, verb)
			}
		}
		encoded, _ := json.Marshal(v) // what cannot be encoded is no leak
		if holds(string(encoded), secret) {
			t.Errorf("%T in JSON holds the key", v)
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("test", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("test", "v", v)
		if holds(log.String(), secret) {
			t.Errorf("%T in a log holds the key", v)
		}
	}
	if got, want := fmt.Sprintf("%+v", a), p.cert.Subject.String(); got != want {
		t.Errorf("the authority prints as %q, want %q", got, want)
	}
	if got := fmt.Sprint(p.key); got != "a private key" {
		t.Errorf("a key prints as %q", got)
	}
}

// holds looks for a key in each form that text may have it in, as a whole or by the words of its number.
func holds(text string, secret []byte) bool {
	if strings.Contains(text, string(secret)) {
		return true
	}
	text = strings.ToLower(text) // which spoils bytes that are no text
	number := new(big.Int).SetBytes(secret)
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(secret[4:20]), " ", ", "), "[]")
	forms := []string{
		hex.EncodeToString(secret), number.Text(16), number.String(), base64.StdEncoding.EncodeToString(secret)[:40],
		list, strings.ReplaceAll(list, ",", ""),
	}
	for _, word := range number.Bits() {
		forms = append(forms, fmt.Sprint(uint(word)), fmt.Sprintf("%#x", uint(word)))
	}
	return slices.ContainsFunc(forms, func(form string) bool { return strings.Contains(text, strings.ToLower(form)) })
}

// TestSearchFinds has the key printed, so that the test above is known to look.
func TestSearchFinds(t *testing.T) {
	key, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%x"} {
		if !holds(fmt.Sprintf(verb, key), secret) {
			t.Errorf("in %s of a bare key nothing is found", verb)
		}
	}
	if pkcs8, err := x509.MarshalPKCS8PrivateKey(key); err != nil || !holds(fmt.Sprint(pkcs8), secret) || !holds(string(pkcs8), secret) {
		t.Errorf("in an encoded key nothing is found, %v", err)
	}
}
