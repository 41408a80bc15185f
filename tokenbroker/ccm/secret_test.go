package ccm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
)

// canary is a secret that may show up nowhere.
const canary = "cAnArY-2b7d91"

func testToken(t testing.TB, text string) Token {
	t.Helper()
	token, err := NewToken(text, time.Time{})
	must(t, err)
	return token
}

// printed is a value in all the ways in which it may get into a log.
func printed(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "% x"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	if j, err := json.Marshal(v); err == nil {
		b.Write(j)
	}
	log := slog.New(slog.NewJSONHandler(&b, nil))
	log.Info("x", "v", v)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	return strings.ToLower(b.String())
}

// clean fails when a value prints one of the secrets, as it is, in hexadecimal or as decimal bytes.
func clean(t *testing.T, name string, v any, secrets ...string) {
	t.Helper()
	text := printed(v)
	for _, s := range secrets {
		for _, form := range []string{s, fmt.Sprintf("%x", s), fmt.Sprintf("% x", s), strings.Trim(fmt.Sprint([]byte(s)), "[]")} {
			if strings.Contains(text, strings.ToLower(form)) {
				t.Errorf("%s prints a secret: %.300s", name, text)
			}
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	token := testToken(t, canary)
	kept, err := Keep(nil, 0, nil)
	if err == nil || kept != nil {
		t.Error("a token is kept that nobody fetches")
	}
	key := testKey()
	i := testIdentity(t, testSMSID)
	config := IdentityConfig{Key: key, Certificate: i.Certificate(), SMSID: testSMSID}
	s := newSite(t, func(received) string { return "" })
	client := testClient(t, s, nil)
	full := &Kept{token: token}
	type hidden struct{ token Token }
	type deep struct {
		T  *Token
		M  map[string]Token
		I  any
		id *Identity
	}
	secrets := []string{canary, key.D.String(), key.Primes[0].String(), big.NewInt(0).Set(key.D).Text(16)}
	for name, v := range map[string]any{
		"token": token, "pointer": &token, "hidden": hidden{token}, "slice": []Token{token}, "secret": token.Secret,
		"deep": deep{&token, map[string]Token{"k": token}, token, i}, "identity": i, "identity value": *i,
		"identity config": config, "pointer to identity config": &config, "client": client, "client value": *client,
		"kept": full, "location": Location{URL: "https://x/y", Query: token.Secret, Token: token},
		"locations":    Locations{Token: token, List: []Location{{Token: token}}},
		"reply tokens": replyTokens{general: token}, "document": document{}, "signer": config.Key == nil,
	} {
		clean(t, name, v, secrets...)
	}
	if got := fmt.Sprint(token, i, client); got != "redacted redacted redacted" {
		t.Errorf("printed as %q", got)
	}
	if token.Reveal() != canary || (Secret{}).Reveal() != "" || !(Secret{}).IsZero() {
		t.Error("a secret does not give what it holds")
	}
}

func TestNewToken(t *testing.T) {
	jwt := "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3MDQxNjQ2NDV9.eA"
	ends := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		name, text string
		given      time.Time
		want       time.Time
		bad        bool
	}{
		{"opaque", "abc", time.Time{}, time.Time{}, false},
		{"opaque with an expiry", "abc", ends, ends, false},
		{"JWT", jwt, time.Time{}, ends, false},
		{"JWT that outlives what is given", jwt, ends.Add(-time.Hour), ends.Add(-time.Hour), false},
		{"JWT that ends first", jwt, ends.Add(time.Hour), ends, false},
		{"JWT of an unknown algorithm", strings.Replace(jwt, "eyJhbGciOiJSUzI1NiJ9", "eyJhbGciOiJYIn0", 1), time.Time{}, ends, false},
		{"space inside", "a b", time.Time{}, time.Time{}, false},
		{"empty", "", time.Time{}, time.Time{}, true},
		{"line break", "a\r\nb", time.Time{}, time.Time{}, true},
		{"space at the end", "a ", time.Time{}, time.Time{}, true},
		{"beyond ASCII", "\u00e4", time.Time{}, time.Time{}, true},
		{"too long", strings.Repeat("x", maxSecret+1), time.Time{}, time.Time{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := NewToken(c.text, c.given)
			if (err != nil) != c.bad || !got.Expires.Equal(c.want) {
				t.Errorf("expires %v (%v), want %v", got.Expires, err, c.want)
			}
			if err != nil && len(c.text) > 2 && strings.Contains(err.Error(), c.text) {
				t.Error("the error holds the token")
			}
		})
	}
}

func FuzzJWT(f *testing.F) {
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3MDQxNjQ2NDV9.eA")
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjFlMzA4fQ.x")
	f.Fuzz(func(t *testing.T, text string) {
		at := jwtExpiry(text)
		if _, err := json.Marshal(at); err != nil || !at.IsZero() && at.Unix() <= 0 {
			t.Errorf("%q expires at %v (%v)", text, at, err)
		}
		if again := jwtExpiry(text); !reflect.DeepEqual(at, again) {
			t.Errorf("%v and then %v", at, again)
		}
	})
}
