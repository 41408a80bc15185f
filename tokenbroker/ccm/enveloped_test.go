package ccm

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"math/big"
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

func TestOctets(t *testing.T) {
	for _, c := range []struct {
		name string
		v    asn1.RawValue
		want string
	}{
		{"whole", asn1.RawValue{Bytes: []byte("abc")}, "abc"},
		{"in pieces", asn1.RawValue{IsCompound: true, Bytes: []byte("\x04\x02ab\x04\x01c")}, "abc"},
		{"a piece of another kind", asn1.RawValue{IsCompound: true, Bytes: []byte("\x04\x02ab\x02\x01c")}, ""},
		{"a piece that is cut", asn1.RawValue{IsCompound: true, Bytes: []byte("\x04\x05ab")}, ""},
		{"none", asn1.RawValue{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := octets(c.v); string(got) != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestIsRecipient(t *testing.T) {
	_, i := readEnveloped(t)
	number := func(add int64) *big.Int { return new(big.Int).Add(i.encryption.SerialNumber, big.NewInt(add)) }
	issuer := asn1.RawValue{FullBytes: i.encryption.RawIssuer}
	for _, c := range []struct {
		name string
		who  issuerAndSerial
		want bool
	}{
		{"us", issuerAndSerial{issuer, number(0)}, true},
		{"another certificate of our issuer", issuerAndSerial{issuer, number(1)}, false},
		{"our number of another issuer", issuerAndSerial{asn1.RawValue{FullBytes: []byte{0x30, 0}}, number(0)}, false},
	} {
		der, err := asn1.Marshal(c.who)
		must(t, err)
		if got := i.isRecipient(asn1.RawValue{FullBytes: der}); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestUnpad(t *testing.T) {
	for _, c := range []struct {
		plain, want string
		sound       bool
	}{
		{"abc\x01", "abc", true}, {"\x04\x04\x04\x04", "", true}, {"abc\x00", "", false}, {"ab\x01\x02", "", false}, {"\x05\x05\x05\x05", "", false},
	} {
		got, err := unpad([]byte(c.plain), 4)
		if string(got) != c.want || (err == nil) != c.sound {
			t.Errorf("%q: got %q (%v), want %q", c.plain, got, err, c.want)
		}
	}
}
