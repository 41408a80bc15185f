package admin

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestNewToken(t *testing.T) {
	for name, c := range map[string]struct {
		secret string
		ok     bool
	}{
		"good":    {testSecret, true},
		"empty":   {"", false},
		"short":   {"fifteen-letters", false},
		"space":   {"a token with spaces in it", false},
		"newline": {"a-token-with-a-newline\n", false},
		"umlaut":  {"a-token-with-an-ümlaut", false},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := NewToken(c.secret)
			if (err == nil) != c.ok {
				t.Fatalf("NewToken(%q): %v, want ok %v", c.secret, err, c.ok)
			}
			if got := token.matches(c.secret); got != c.ok {
				t.Errorf("it matches: %v, want %v", got, c.ok)
			}
			if token.matches(c.secret + "x") {
				t.Error("it matches another secret")
			}
		})
	}
	if (Token{}).matches("") {
		t.Error("no token matches no secret")
	}
}

func TestTokensCannotBePrinted(t *testing.T) {
	token, err := NewToken(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	digest := fmt.Sprintf("%x", token.digest[:4])
	holder := struct {
		Token Token
		Body  newToken
	}{token, newToken{Token: secret(testSecret)}}
	coded, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{string(coded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, holder), fmt.Sprintf(verb, token), fmt.Sprintf(verb, holder.Body))
	}
	for _, text := range texts {
		if strings.Contains(text, testSecret) || strings.Contains(text, digest) || !strings.Contains(text, "redacted") {
			t.Errorf("it prints as %s", text)
		}
	}
}
