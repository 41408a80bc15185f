package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReloadOfSomethingElse asks what may be anything. What is shown to it is the token, and nothing of that comes back.
func TestReloadOfSomethingElse(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("canary-token-5b1d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		status     int
		body, want string
		code       int
	}{
		"a web page":        {200, "<html>", "ADDR: the answer cannot be read, so that is not the admin API of a Branchpoint", exitFailure},
		"another error":     {404, "404 page not found", "ADDR answers 404 Not Found; that is not the admin API of a Branchpoint", exitFailure},
		"a wrong token":     {401, `{"detail": "the admin token is needed"}`, "ADDR answers 401 Unauthorized: the admin token is needed", exitFailure},
		"a reason":          {422, `{"detail": "no such file", "status": 422}`, "ADDR answers 422 Unprocessable Entity: no such file", exitUsage},
		"a redirect":        {307, "", "ADDR answers 307 Temporary Redirect; that is not the admin API of a Branchpoint", exitFailure},
		"422 of a stranger": {422, "", "ADDR answers 422 Unprocessable Entity; that is not the admin API of a Branchpoint", exitFailure},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost || r.URL.Path != "/api/v1/reload" || r.Header.Get("Authorization") != "Bearer canary-token-5b1d" {
					t.Errorf("%s %s, %v", r.Method, r.URL, r.Header)
				}
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			address := server.Listener.Addr().String()
			wantFailure(t, c.code, strings.ReplaceAll(c.want, "ADDR", address), "reload", "--address", address, "--token-file", token)
		})
	}
}
