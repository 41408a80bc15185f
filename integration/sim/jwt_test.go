package sim

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// encodeJWT signs a JWT by hand, in any way that a header may state.
func encodeJWT(t testing.TB, key *rsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	var parts []string
	for _, part := range []map[string]any{header, claims} {
		text, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	signed := strings.Join(parts, ".")
	digest := sha256.Sum256([]byte(signed))
	var signature []byte
	var err error
	switch header["alg"] {
	case "RS256":
		signature, err = rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	case "PS256":
		signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case "HS256": // with the public key as the secret, which has fooled others
		mac := hmac.New(sha256.New, key.N.Bytes())
		mac.Write([]byte(signed))
		signature = mac.Sum(nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestJWT(t *testing.T) {
	own, err := newJWTSigner()
	if err != nil {
		t.Fatal(err)
	}
	other, err := newJWTSigner()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_704_164_645, 0)
	made, err := own.sign(map[string]any{"exp": now.Add(time.Hour).Unix(), "nbf": now.Unix()})
	if err != nil {
		t.Fatal(err)
	}
	type m = map[string]any
	good := m{"exp": now.Add(time.Hour).Unix(), "nbf": now.Unix()}
	for name, tt := range map[string]struct {
		token    string
		allowPSS bool
		at       time.Time
		wrong    string // in the error; empty: none
	}{
		"our own":             {made.Reveal(), false, now, ""},
		"RS256":               {encodeJWT(t, own.key, m{"alg": "RS256"}, good), false, now, ""},
		"PS256":               {encodeJWT(t, own.key, m{"alg": "PS256"}, good), true, now, ""},
		"PS256 not allowed":   {encodeJWT(t, own.key, m{"alg": "PS256"}, good), false, now, "signature"},
		"HS256":               {encodeJWT(t, own.key, m{"alg": "HS256"}, good), true, now, "algorithm"},
		"none":                {encodeJWT(t, own.key, m{"alg": "none"}, good), true, now, "algorithm"},
		"no algorithm":        {encodeJWT(t, own.key, m{}, good), true, now, "algorithm"},
		"another key":         {encodeJWT(t, other.key, m{"alg": "RS256"}, good), true, now, "signature"},
		"RS256 stated as PSS": {strings.Replace(made.Reveal(), ".", "x.", 1), true, now, "JWT"},
		"cut":                 {made.Reveal()[:len(made.Reveal())-4], true, now, "signature"},
		"two parts":           {"e30.e30", true, now, "JWT"},
		"four parts":          {"e30.e30.e30.e30", true, now, "JWT"},
		"null":                {"bnVsbA.bnVsbA.e30", true, now, "JWT"},
		"far too long":        {strings.Repeat("e", maxJWT) + ".e30.e30", true, now, "JWT"},
		"nothing":             {"", true, now, "JWT"},
		"just within":         {made.Reveal(), false, now.Add(time.Hour + 59*time.Second), ""},
		"expired":             {made.Reveal(), false, now.Add(time.Hour + time.Minute), "expired"},
		"not yet":             {made.Reveal(), false, now.Add(-2 * time.Minute), "not good yet"},
		"almost":              {made.Reveal(), false, now.Add(-time.Minute), ""},
		"endless":             {encodeJWT(t, own.key, m{"alg": "RS256"}, m{"nbf": 5}), false, now, "when it ends"},
		"absurd":              {encodeJWT(t, own.key, m{"alg": "RS256"}, m{"exp": 1e300}), false, now, "when it ends"},
		"time as a text":      {encodeJWT(t, own.key, m{"alg": "RS256"}, m{"exp": "5"}), false, now, "when it ends"},
	} {
		read, err := readJWT(tt.token)
		if err == nil {
			err = read.verify(own.public(), tt.allowPSS)
		}
		if err == nil {
			err = read.inForce(tt.at, time.Minute)
		}
		if (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("%s: %v, want %q", name, err, tt.wrong)
		}
	}
	if text := fmt.Sprintf("%+v %#v", own, own); strings.Contains(text, own.key.D.String()) {
		t.Error("a signer shows its key")
	}
}

func FuzzJWT(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3MDQxNjgyNDV9.eA", int64(1_704_164_645))
	f.Add("e30.e30.", int64(0))
	f.Add("..", int64(-1))
	key, err := newJWTSigner()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string, at int64) {
		read, err := readJWT(token)
		if err != nil {
			return
		}
		if read.verify(key.public(), true) == nil {
			t.Errorf("%q is signed by a key that nobody has", token)
		}
		if read.inForce(time.Unix(at, 0), time.Minute) == nil {
			if end, ok := read.at("exp"); !ok || end.Unix() <= at-60 {
				t.Errorf("%q is in force at %d", token, at)
			}
		}
		_ = holderOf(token)
	})
}
