package admin

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

const canary = "canary-7f3a9c-secret-of-the-site"

func TestSetToken(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"good":             {`{"token": "` + canary + `", "expires": "2099-01-02T15:04:05Z"}`, http.StatusNoContent},
		"no expiry":        {`{"token": "` + canary + `"}`, http.StatusNoContent},
		"not JSON":         {canary, http.StatusBadRequest},
		"cut short":        {`{"token": "` + canary, http.StatusBadRequest},
		"two values":       {`{"token": "` + canary + `"} {"token": "` + canary + `"}`, http.StatusBadRequest},
		"an unknown key":   {`{"tokens": "` + canary + `"}`, http.StatusBadRequest},
		"a key named so":   {`{"` + canary + `": 1}`, http.StatusBadRequest},
		"a number":         {`{"token": 5}`, http.StatusBadRequest},
		"a date that fits": {`{"token": "` + canary + `", "expires": "` + canary + `"}`, http.StatusBadRequest},
		"empty":            {`{"token": ""}`, http.StatusUnprocessableEntity},
		"has ended":        {`{"token": "` + canary + `", "expires": "2001-01-02T15:04:05Z"}`, http.StatusUnprocessableEntity},
		"control letters":  {`{"token": "` + canary + `\n"}`, http.StatusUnprocessableEntity},
		"too long":         {`{"token": "` + strings.Repeat(canary, 3000) + `"}`, http.StatusUnprocessableEntity},
		"far too long":     {`{"token": "` + strings.Repeat(canary, 9000) + `"}`, http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			server := s.server(t)
			resp := change(t, server, "PUT", "/api/v1/tokens/dp%2F1", c.body)
			said := readAll(t, resp)
			if resp.StatusCode != c.want {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, c.want, said)
			}
			header := http.Header{}
			_, err := s.broker.Authorize(t.Context(), "dp/1", header)
			if got := header.Get("Authorization") == "Bearer "+canary; got != (c.want == http.StatusNoContent) {
				t.Errorf("the broker has the token: %v (%v)", got, err)
			}
			for _, path := range append(reads, "/readyz", "/healthz") {
				said += readAll(t, ask(t, server, "GET", path, ""))
			}
			if strings.Contains(said, canary) {
				t.Errorf("an answer holds the token:\n%s", said)
			}
			if log := s.log.String(); strings.Contains(log, canary) {
				t.Errorf("the log holds the token:\n%s", log)
			}
		})
	}
}

func TestTokenStatus(t *testing.T) {
	s := newStage(t)
	server := s.server(t)
	none := decode[tokenList](t, ask(t, server, "GET", "/api/v1/tokens", ""), http.StatusOK).Tokens
	if none == nil || len(none) != 0 {
		t.Errorf("tokens are %+v, want an empty list", none)
	}
	expires := time.Date(2099, 1, 2, 15, 4, 5, 0, time.UTC)
	change(t, server, "PUT", "/api/v1/tokens/default", `{"token": "`+canary+`", "expires": "2099-01-02T15:04:05Z"}`)
	if _, err := s.broker.Authorize(t.Context(), "default", http.Header{}); err != nil {
		t.Fatal(err)
	}
	got := decode[tokenList](t, ask(t, server, "GET", "/api/v1/tokens", ""), http.StatusOK).Tokens
	if len(got) != 1 || got[0].Audience != "default" || len(got[0].Fingerprint) != 8 || !got[0].Expires.Equal(expires) {
		t.Errorf("tokens are %+v, want one for default with a fingerprint that ends at %v", got, expires)
	}
}
