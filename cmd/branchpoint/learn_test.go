package main

import (
	"strings"
	"testing"
	"time"

	"branchpoint/configs"
	"branchpoint/proxy"
)

// seen makes a header of "name: scheme/jwt/size" and so on.
func seen(name string, requests int64, shapes ...proxy.LearnedShape) proxy.LearnedHeader {
	return proxy.LearnedHeader{Name: name, Requests: requests, Standard: len(shapes) == 0, Shapes: shapes}
}

func TestLearnedText(t *testing.T) {
	short, long := proxy.LearnedShape{Size: proxy.ShortText}, proxy.LearnedShape{Size: proxy.LongText}
	jwt := proxy.LearnedShape{JWT: true, Size: proxy.MediumText}
	bearer := proxy.LearnedShape{Scheme: "Bearer", JWT: true, Size: proxy.LongText}
	word := proxy.LearnedShape{Scheme: proxy.OtherScheme, Size: proxy.LongText}
	ntlm := proxy.LearnedShape{Scheme: "NTLM", Size: proxy.LongText}
	for name, c := range map[string]struct {
		headers []proxy.LearnedHeader
		want    []string
		not     string
	}{
		"one suspect": {
			[]proxy.LearnedHeader{seen("Accept", 5), seen("Range", 4), seen("X-Example-Token", 5, jwt)},
			[]string{"dp1:443, requests: 5, the last one now", "│ X-Example-Token │ 5        │ JSON web token, 64 to 1023 bytes │",
				"Standard, and no token: Accept, Range\n", "X-Example-Token looks most like the token.",
				"\ntoken:\n  header_name: \"X-Example-Token\"\n  header_format: \"{token}\"\n"},
			"credential_headers",
		},
		"the default": {
			[]proxy.LearnedHeader{seen("Authorization", 5, bearer)},
			[]string{"Bearer, then JSON web token, 1024 bytes or more", "header_name: \"Authorization\"\n  header_format: \"Bearer {token}\"\n"},
			"Standard",
		},
		"a word that is not told": {
			[]proxy.LearnedHeader{seen("X-Token", 5, word)},
			[]string{"a word, then opaque text", `header_format: "WORD {token}"`, "WORD is the word in front"}, "",
		},
		"several": {
			[]proxy.LearnedHeader{seen("X-Flag", 9, short), seen("X-Machine", 5, long), seen("X-Web", 5, short, jwt)},
			[]string{"X-Web looks most like the token", "credential_headers: [\"X-Machine\", \"X-Flag\"]"}, "",
		},
		"Windows authentication": {
			[]proxy.LearnedHeader{seen("Accept", 1), seen("Authorization", 5, ntlm)}, []string{"No header of these carries a token."}, "looks",
		},
		"Windows authentication first": {
			[]proxy.LearnedHeader{seen("Authorization", 5, ntlm, bearer)}, []string{`"Bearer {token}"`}, "NTLM {token}",
		},
		"nothing but standard headers": {[]proxy.LearnedHeader{seen("Accept", 1)}, []string{"No header of these carries a token."}, "│"},
	} {
		t.Run(name, func(t *testing.T) {
			got := learnedText([]proxy.LearnedHost{{Host: "dp1:443", Requests: 5, LastSeen: time.Now(), Headers: c.headers}})
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("there is no %q in\n%s", want, got)
				}
			}
			if c.not != "" && strings.Contains(got, c.not) {
				t.Errorf("there is %q in\n%s", c.not, got)
			}
		})
	}
	if got := learnedText(nil); got != nothingLearned {
		t.Errorf("of nothing it says %s", got)
	}
}

// TestAdviceIsAConfiguration: what is advised can be pasted into the file.
func TestAdviceIsAConfiguration(t *testing.T) {
	for _, name := range []string{"X-Example-Token", "Authorization", "True", "X!#$%&'*+.^_`|~9"} {
		text := advice([]suspect{{name, 1, proxy.LearnedShape{Scheme: "Bearer"}}, {"No", 1, proxy.LearnedShape{}}})
		_, first, _ := strings.Cut(text, "\ntoken:\n")
		first, second, _ := strings.Cut(first, "\ntoken:\n")
		first, _, _ = strings.Cut(first, "\n\n")
		c, err := configs.Parse([]byte("cache: {directory: /c}\nadmin: {token_file: /t}\ntoken:\n" + first + "\n" + second))
		if err != nil {
			t.Errorf("%v, of\n%s", err, text)
			continue
		}
		if c.Token.HeaderName != name || c.Token.HeaderFormat != "Bearer {token}" || c.Token.CredentialHeaders[0] != "No" {
			t.Errorf("it says %+v, of\n%s", c.Token, text)
		}
	}
}
