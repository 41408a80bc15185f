package tokenbroker

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestApply(t *testing.T) {
	tests := []struct {
		name string
		p    Presentation
		want http.Header
	}{
		{"default", Presentation{}, http.Header{"Authorization": {"Bearer s{token}"}}},
		{"custom", Presentation{HeaderName: "ccmtoken", HeaderFormat: `v="{token}"`},
			http.Header{"Authorization": {"Negotiate x"}, "Ccmtoken": {`v="s{token}"`}}},
	}
	tok, err := NewToken("s{token}", time.Time{}) // a secret that looks like a placeholder is not expanded
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.p.Validate(); err != nil {
				t.Fatalf("Validate: %v", err)
			}
			h := http.Header{"Authorization": {"Negotiate x"}}
			if tt.p.Apply(tok, h); !reflect.DeepEqual(h, tt.want) {
				t.Errorf("header is %v, want %v", h, tt.want)
			}
			got, ok := tt.p.Extract(h)
			if !ok || got.print != tok.print || !tt.p.Carries(h) {
				t.Errorf("Extract of what Apply made: %v, Carries %v", ok, tt.p.Carries(h))
			}
		})
	}
	h := http.Header{"Authorization": {"Negotiate x"}}
	if (Presentation{}).Apply(Token{}, h); h.Get("Authorization") != "Negotiate x" {
		t.Errorf("the zero Token changed the header to %v", h)
	}
}

func TestExtract(t *testing.T) {
	custom := Presentation{HeaderName: "CCMToken", HeaderFormat: "{token}"}
	quoted := Presentation{HeaderName: "X", HeaderFormat: `T v="{token}"`}
	tests := []struct {
		name    string
		p       Presentation
		h       http.Header
		want    string // "" for none
		carries bool
	}{
		{"bearer", Presentation{}, bearer("abc"), "abc", true},
		{"scheme in any case", Presentation{}, http.Header{"Authorization": {"bEARER abc"}}, "abc", true},
		{"several spaces", Presentation{}, bearer("  abc"), "abc", true},
		{"scheme alone", Presentation{}, http.Header{"Authorization": {"Bearer "}}, "", false},
		{"spaces alone", Presentation{}, bearer("   "), "", false},
		{"other scheme", Presentation{}, http.Header{"Authorization": {"Negotiate abc"}}, "", false},
		{"longer scheme", Presentation{}, http.Header{"Authorization": {"Bearerx abc"}}, "", false},
		{"one of two schemes", Presentation{}, http.Header{"Authorization": {"NTLM x", "Bearer abc"}}, "abc", true},
		{"two tokens", Presentation{}, http.Header{"Authorization": {"Bearer a", "Bearer b"}}, "", true},
		{"control character", Presentation{}, bearer("a\tb"), "", true},
		{"too long", Presentation{}, bearer(strings.Repeat("x", maxToken+1)), "", true},
		{"nil", Presentation{}, nil, "", false},
		{"custom", custom, http.Header{"Ccmtoken": {"abc"}}, "abc", true},
		{"custom empty", custom, http.Header{"Ccmtoken": {""}}, "", false},
		{"custom beside bearer", custom, bearer("abc"), "", false},
		{"text after", quoted, http.Header{"X": {`t V="abc"`}}, "abc", true},
		{"text after is missing", quoted, http.Header{"X": {`T v="abcdef`}}, "", false},
		{"nothing between", quoted, http.Header{"X": {`T v=""`}}, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok, ok := tt.p.Extract(tt.h)
			if ok != (tt.want != "") || ok && tok.reveal() != tt.want {
				t.Errorf("Extract found a token: %v; want %q", ok, tt.want)
			}
			if got := tt.p.Carries(tt.h); got != tt.carries {
				t.Errorf("Carries = %v, want %v", got, tt.carries)
			}
		})
	}
}

func TestPresentationRefuses(t *testing.T) {
	tests := []struct {
		name string
		p    Presentation
		want string
	}{
		{"name with a space", Presentation{HeaderName: "a b"}, "is no name for a header field"},
		{"name with a colon", Presentation{HeaderName: "A:"}, "is no name for a header field"},
		{"no placeholder", Presentation{HeaderFormat: "Bearer"}, "exactly once"},
		{"two placeholders", Presentation{HeaderFormat: "{token}{token}"}, "exactly once"},
		{"newline in format", Presentation{HeaderFormat: "a\n{token}"}, "must be printable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.p.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Validate = %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzExtract(f *testing.F) {
	for _, value := range []string{"Bearer abc", "bearer  a b", "Bearer", "", "Bearer \xff", "Negotiate x", "{token}"} {
		f.Add("Authorization", "Bearer {token}", value)
	}
	f.Add("CCMToken", "{token}", "abc")
	f.Add("X", `v="{token}"`, `v="abc"`)
	f.Add("X", "a{token}a", "aa")
	f.Fuzz(func(t *testing.T, name, format, value string) {
		p := Presentation{HeaderName: name, HeaderFormat: format}
		if p.Validate() != nil {
			return
		}
		h := http.Header{}
		h.Add(p.name(), value)
		tok, ok := p.Extract(h)
		if !ok {
			return
		}
		if !p.Carries(h) || !strings.Contains(value, tok.reveal()) {
			t.Fatalf("format %q found in %q a token that is not there", format, value)
		}
		p.Apply(tok, h)
		if again, ok := p.Extract(h); !ok || again.print != tok.print {
			t.Fatalf("format %q: the token of %q did not survive Apply and Extract", format, value)
		}
	})
}
