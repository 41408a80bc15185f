package ccm

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// envelopedVectors were made with openssl.
type envelopedVectors struct {
	Key         string            `json:"key_pkcs1_hex"`
	Certificate string            `json:"certificate_hex"`
	Messages    map[string]string `json:"messages"`
}

func readEnveloped(t testing.TB) (envelopedVectors, *Identity) {
	t.Helper()
	raw, err := os.ReadFile("testdata/enveloped.json")
	must(t, err)
	var v envelopedVectors
	must(t, json.Unmarshal(raw, &v))
	key, err := x509.ParsePKCS1PrivateKey(unhex(t, v.Key))
	must(t, err)
	i, err := NewIdentity(IdentityConfig{Key: key, Certificate: unhex(t, v.Certificate), SMSID: testSMSID})
	must(t, err)
	return v, i
}

const envelopedToken = canary + ".token"

func TestEnveloped(t *testing.T) {
	v, i := readEnveloped(t)
	for _, c := range []struct {
		name string
		want error
	}{
		{"des3", nil}, {"aes128", nil}, {"aes192", nil}, {"aes256", nil}, {"keyid", nil}, {"two", nil}, {"oaep1", nil}, {"oaep256", nil}, {"utf8", nil},
		{"other", errNotEnveloped}, {"oaep512", errNotEnveloped}, {"ber", errNotEnveloped}, {"signed", errNotEnveloped}, {"gcm", errNotEnveloped},
	} {
		t.Run(c.name, func(t *testing.T) {
			plain, err := i.open(unhex(t, v.Messages[c.name]))
			if !errors.Is(err, c.want) {
				t.Fatalf("opens with %v, want %v", err, c.want)
			}
			text, err := decodeAny(plain)
			if c.want == nil && (err != nil || text != envelopedToken) {
				t.Errorf("it holds %q (%v), want %q", text, err, envelopedToken)
			}
		})
	}
	if _, err := testIdentity(t, testSMSID).open(unhex(t, v.Messages["aes256"])); !errors.Is(err, errNotEnveloped) {
		t.Errorf("another identity gets %v", err)
	}
	var nobody *Identity
	if _, err := nobody.open(unhex(t, v.Messages["aes256"])); !errors.Is(err, errNoKeyForIt) {
		t.Errorf("nobody gets %v", err)
	}
}

// TestEnvelopedSaysNothing checks that all damage looks the same from outside.
func TestEnvelopedSaysNothing(t *testing.T) {
	v, i := readEnveloped(t)
	der := unhex(t, v.Messages["aes256"])
	for at := range der {
		damaged := bytes.Clone(der)
		damaged[at] ^= 0x40
		plain, err := i.open(damaged)
		if err != nil && !errors.Is(err, errNotEnveloped) {
			t.Errorf("damage at %d gives %v", at, err)
		}
		if err == nil && len(plain) > len(der) {
			t.Errorf("damage at %d gives %d bytes", at, len(plain))
		}
	}
}

func FuzzEnveloped(f *testing.F) {
	v, i := readEnveloped(f)
	for _, name := range []string{"des3", "aes256", "keyid", "oaep256", "ber", "signed"} {
		f.Add(unhex(f, v.Messages[name]))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		if plain, err := i.open(der); err == nil && len(plain) >= len(der) {
			t.Errorf("%d bytes hold %d", len(der), len(plain))
		}
	})
}
