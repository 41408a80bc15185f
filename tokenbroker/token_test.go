package tokenbroker

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestNewToken(t *testing.T) {
	tests := []struct {
		name   string
		secret string
		want   error
	}{
		{"opaque", "abc", nil},
		{"inner space", "a b", nil},
		{"not ASCII", "päckchen", nil},
		{"longest", strings.Repeat("x", maxToken), nil},
		{"empty", "", errEmptyToken},
		{"too long", strings.Repeat("x", maxToken+1), errLongToken},
		{"newline", "a\r\nX: y", errControlToken},
		{"NUL", "a\x00", errControlToken},
		{"tab", "a\tb", errControlToken},
		{"DEL", "a\x7f", errControlToken},
		{"leading space", " a", errSpaceToken},
		{"trailing space", "a ", errSpaceToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok, err := NewToken(tt.secret, time.Time{})
			if !errors.Is(err, tt.want) {
				t.Fatalf("NewToken = %v, want %v", err, tt.want)
			}
			if err == nil && tok.reveal() != tt.secret {
				t.Error("the token lost its secret")
			}
		})
	}
}

func TestFingerprint(t *testing.T) {
	one, _ := NewToken("one", time.Time{})
	same, _ := NewToken("one", time.Now())
	two, _ := NewToken("two", time.Time{})
	if !regexp.MustCompile(`^[0-9a-f]{8}$`).MatchString(one.Fingerprint()) {
		t.Errorf("fingerprint %q is not 8 hexadecimal digits", one.Fingerprint())
	}
	if one.Fingerprint() != same.Fingerprint() || one.Fingerprint() == two.Fingerprint() {
		t.Errorf("fingerprints %s, %s, %s: want the first two equal and the third another",
			one.Fingerprint(), same.Fingerprint(), two.Fingerprint())
	}
	if got := (Token{}).Fingerprint(); got != "" {
		t.Errorf("the zero Token has fingerprint %q", got)
	}
}

// fakeJWT is a JWT with these claims and a signature that nothing would accept.
func fakeJWT(t testing.TB, claims string) string {
	t.Helper()
	return rawJWT(`{"alg":"RS256","typ":"JWT"}`, claims)
}

func rawJWT(header, claims string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(header)) + "." + enc([]byte(claims)) + "." + enc([]byte("signature"))
}

func TestExpiryOfAJWT(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		name   string
		secret string
		want   time.Time
	}{
		{"exp", fakeJWT(t, `{"exp":1893553445}`), at},
		{"fraction", fakeJWT(t, `{"exp":1893553445.75}`), at},
		{"claims of any type beside it", fakeJWT(t, `{"exp":1893553445,"iss":5,"aud":{},"nbf":"x","SCCMTokenCategory":[]}`), at},
		{"algorithm that nobody knows", rawJWT(`{"alg":"XY"}`, `{"exp":1893553445}`), at},
		{"no algorithm", rawJWT(`{}`, `{"exp":1893553445}`), at},
		{"no exp", fakeJWT(t, `{}`), time.Time{}},
		{"exp null", fakeJWT(t, `{"exp":null}`), time.Time{}},
		{"exp text", fakeJWT(t, `{"exp":"soon"}`), time.Time{}},
		{"exp past the end of time", fakeJWT(t, `{"exp":1e300}`), time.Time{}},
		{"exp in the year 10000", fakeJWT(t, `{"exp":253402300800}`), time.Time{}},
		{"exp zero", fakeJWT(t, `{"exp":0}`), time.Time{}},
		{"exp negative", fakeJWT(t, `{"exp":-5}`), time.Time{}},
		{"no JSON", rawJWT(`{"alg":"none"}`, `exp`), time.Time{}},
		{"no base64", "a.$$.c", time.Time{}},
		{"two parts", "a.b", time.Time{}},
		{"opaque", "opaque", time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok, err := NewToken(tt.secret, time.Time{})
			if err != nil || !tok.Expires().Equal(tt.want) {
				t.Errorf("Expires = %v, %v; want %v", tok.Expires(), err, tt.want)
			}
		})
	}
	known, _ := NewToken(fakeJWT(t, `{"exp":1893553445}`), at.Add(time.Hour))
	if !known.Expires().Equal(at.Add(time.Hour)) {
		t.Errorf("a known expiry became %v", known.Expires())
	}
}

func FuzzNewToken(f *testing.F) {
	for _, seed := range []string{"", "a", " a", "a\n", "Bearer x", "{token}", "é", "\xff", fakeJWT(f, `{"exp":1}`),
		fakeJWT(f, `{"exp":1e300}`), "..", "e30.e30.e30"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		tok, err := NewToken(secret, time.Time{})
		if err != nil {
			if len(secret) > 8 && strings.Contains(err.Error(), secret) {
				t.Fatalf("the error holds the secret: %v", err)
			}
			return
		}
		if strings.ContainsAny(secret, "\r\n\x00") || secret != strings.Trim(secret, " ") || len(secret) > maxToken {
			t.Fatalf("took %q, which no header field can carry", secret)
		}
		if e := tok.Expires(); !e.IsZero() {
			if _, err := e.MarshalJSON(); err != nil {
				t.Fatalf("expiry of %q cannot be written down: %v", secret, err)
			}
		}
	})
}

func FuzzJWTExpiry(f *testing.F) {
	for _, seed := range []string{`{"exp":1893553445}`, `{"exp":-1}`, `{"exp":1e18}`, `{"exp":9223372036854775807}`,
		`{"exp":[1]}`, `{"exp":1,"exp":2}`, `{}`, `[]`, `null`, ``} {
		f.Add(`{"alg":"RS256"}`, seed)
	}
	f.Fuzz(func(t *testing.T, header, claims string) {
		if e := jwtExpiry(rawJWT(header, claims)); !e.IsZero() && (e.Unix() <= 0 || e.Year() > 9999) {
			t.Fatalf("claims %q expire at %v", claims, e)
		}
	})
}
