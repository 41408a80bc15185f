package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"branchpoint/tokenbroker"
)

// maxTokenBody holds the largest token, 64 KiB, in any JSON spelling that does not escape every character.
const maxTokenBody = 160 << 10

// tokenList is the answer of /api/v1/tokens. It has fingerprints, never tokens.
type tokenList struct {
	Tokens []tokenbroker.TokenStatus `json:"tokens"`
}

func (s *Server) serveTokens(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, tokenList{append([]tokenbroker.TokenStatus{}, s.config.Tokens.Status()...)})
}

// newToken is the body of PUT /api/v1/tokens/{audience}.
type newToken struct {
	Token secret `json:"token"`
	// Expires is when the token ends; zero means that nobody knows.
	Expires time.Time `json:"expires"`
}

// secret is text that can be read from JSON and not be printed.
type secret string

// Format prints "redacted" for every verb.
func (secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "redacted") }

// MarshalText encodes "redacted".
func (secret) MarshalText() ([]byte, error) { return []byte("redacted"), nil }

// setToken hands in a token, as a task sequence does. Neither the answer nor the log repeats any of the body.
func (s *Server) setToken(w http.ResponseWriter, r *http.Request) error {
	audience, err := pathValue(r, "audience")
	if err != nil {
		return err
	}
	body, err := readToken(w, r)
	if err != nil {
		return err
	}
	if err := s.config.Tokens.Set(audience, string(body.Token), body.Expires); err != nil {
		return &failure{http.StatusUnprocessableEntity, err.Error()}
	}
	s.log.Info("a token was handed in", "audience", audience)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func readToken(w http.ResponseWriter, r *http.Request) (body newToken, err error) {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxTokenBody))
	d.DisallowUnknownFields()
	err = d.Decode(&body)
	if err == nil && d.More() {
		err = errors.New("more than one value")
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return body, err
	}
	if err != nil {
		// The decoder's own text may quote the body.
		return body, &failure{http.StatusBadRequest,
			`the body must be {"token": "...", "expires": "2026-12-31T12:00:00Z"}; expires may be left out`}
	}
	return body, nil
}
