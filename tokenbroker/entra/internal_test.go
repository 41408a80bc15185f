package entra

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"branchpoint/tokenbroker/ccm"
)

func TestParseRefusal(t *testing.T) {
	for page, want := range map[string]string{
		`{"error":"invalid_client","error_codes":[7000215],"error_description":"AADSTS7000215: secret words"}`: "invalid_client, AADSTS7000215",
		`{"error":"invalid_grant"}`:                               "invalid_grant",
		`{"error_codes":[50034,1]}`:                               "AADSTS50034",
		`{"error":"s3cret_words_of_the_server"}`:                  "",
		`{"error":{"code":"x"},"error_codes":[1]}`:                "",
		`{"error":"invalid_client","error_codes":["x"]}`:          "",
		`{"error":"access_denied","error_codes":[-1]}`:            "access_denied",
		`{"error":"access_denied","error_codes":[9999999999999]}`: "access_denied",
		"<html>": "",
		"":       "",
	} {
		var s sight
		s.code, s.number = parseRefusal([]byte(page))
		if got := s.said(); got != want {
			t.Errorf("of %s: %q, want %q", page, got, want)
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, test := range []struct {
		sight
		want error
	}{
		{sight{}, ErrUnavailable},
		{sight{asked: true}, ccm.ErrUnreachable},
		{sight{asked: true, status: 200}, ErrStrange},
		{sight{asked: true, status: 302}, ccm.ErrRedirected},
		{sight{asked: true, status: 400, code: "invalid_grant"}, ErrRefused},
		{sight{asked: true, status: 400, number: 50034}, ErrRefused},
		{sight{asked: true, status: 400}, ErrStrange},
		{sight{asked: true, status: 401}, ErrRefused},
		{sight{asked: true, status: 403}, ErrRefused},
		{sight{asked: true, status: 404}, ErrStrange},
		{sight{asked: true, status: 429, code: "invalid_request"}, ccm.ErrServer},
		{sight{asked: true, status: 400, code: "temporarily_unavailable"}, ccm.ErrServer},
		{sight{asked: true, status: 500, code: "server_error"}, ccm.ErrServer},
	} {
		if got := kindOf(test.sight); got != test.want {
			t.Errorf("%+v is %v, want %v", test.sight, got, test.want)
		}
	}
}

func TestNewSignIn(t *testing.T) {
	until := time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)
	s, err := newSignIn("https://microsoft.com/devicelogin", "ABCD-EFGH", until)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.String(), "open https://microsoft.com/devicelogin and enter the code ABCD-EFGH until 2030-01-02T03:04:05Z"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for page, code := range map[string]string{
		"http://microsoft.com": "A", "https://": "A", "javascript:x": "A", "https://a/\nb": "A", "https://a/" + strings.Repeat("x", 300): "A",
		"https://a/1": "", "https://a/2": "A B", "https://a/3": "A\x1b[2J", "https://a/4": strings.Repeat("A", 33),
	} {
		if _, err := newSignIn(page, code, until); err == nil {
			t.Errorf("%q with the code %q is shown to people", page, code)
		}
	}
}

// TestFreshTokenEnds signs in, and wants the token of it only when it has ended.
func TestFreshTokenEnds(t *testing.T) {
	now := time.Now()
	ended, good := newAnswer("a", now), newAnswer("b", now.Add(time.Second))
	p := &person{now: func() time.Time { return now }}
	p.fresh = &ended
	if got := p.take(); got != nil || p.fresh != nil {
		t.Error("a token is given out that has ended")
	}
	p.fresh = &good
	if got := p.take(); got == nil || got.text() != "b" || p.take() != nil {
		t.Errorf("take = %v, want the token once", got)
	}
}

// TestMemoryIsNotPrinted looks for what a sign-in is good for.
func TestMemoryIsNotPrinted(t *testing.T) {
	m := newMemory("", slog.New(slog.DiscardHandler))
	if err := m.keep([]byte(`{"RefreshToken":{"x":{"secret":"s3cret"}},"AccessToken":{"y":{"secret":"s3cret"}},"Account":{}}`)); err != nil {
		t.Fatal(err)
	}
	if got, want := string(m.load()), `{"Account":{},"RefreshToken":{"x":{"secret":"s3cret"}}}`; got != want {
		t.Errorf("kept is %s, want %s", got, want)
	}
	got := newAnswer("s3cret", time.Now())
	texts := []string{fmt.Sprintf("%v %+v %#v", m, m, m), fmt.Sprintf("%v %+v %#v", got, got, &got), fmt.Sprintf("%+v", &person{kept: m, fresh: &got})}
	if slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, "s3cret") }) {
		t.Error("a secret is printed")
	}
	if err := m.keep([]byte("[")); err == nil {
		t.Error("what is no JSON is kept")
	}
	if err := m.forget(); err != nil || string(m.load()) != nothing {
		t.Errorf("after forget (%v) there is %s", err, m.load())
	}
}

func FuzzRefusal(f *testing.F) {
	f.Add([]byte(`{"error":"invalid_client","error_codes":[7000215],"error_description":"x"}`))
	f.Add([]byte(`{"error":null,"error_codes":[1e3]}`))
	f.Fuzz(func(t *testing.T, page []byte) {
		code, number := parseRefusal(page)
		if code != "" && !slices.Contains(codes(), code) || number < 0 || number >= 1e9 {
			t.Fatalf("%q, %d are shown", code, number)
		}
	})
}

// FuzzMemory keeps anything: what is kept is an object without access tokens, and with all else.
func FuzzMemory(f *testing.F) {
	f.Add([]byte(`{"RefreshToken":{},"AccessToken":{"x":1}}`))
	f.Add([]byte(`{"accesstoken":1,"AccessToken":2,"AccessToken":3}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m := newMemory("", slog.New(slog.DiscardHandler))
		if m.keep(text) != nil {
			return
		}
		var was, is map[string]json.RawMessage
		if err := errors.Join(json.Unmarshal(text, &was), json.Unmarshal(m.load(), &is)); err != nil {
			t.Fatal(err)
		}
		delete(was, "AccessToken")
		if len(is) != len(was) || is["AccessToken"] != nil {
			t.Fatalf("of %s is kept %s", text, m.load())
		}
	})
}
