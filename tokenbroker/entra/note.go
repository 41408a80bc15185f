package entra

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
)

// sight is what was seen of the last request.
type sight struct {
	asked  bool   // there was one
	status int    // 0: no answer
	code   string // one of codes; empty: none
	number int    // the AADSTS number; 0: none
}

// codes are the errors that are known (RFC 6749 5.2, RFC 8628 3.5, Microsoft Learn "Microsoft Entra authentication and
// authorization error codes" and those of managed identities). Others are not repeated: an error is shown, and what a server
// writes may be anything.
func codes() []string {
	return []string{
		"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
		"invalid_resource", "invalid_tenant", "access_denied", "authorization_pending", "slow_down", "authorization_declined",
		"expired_token", "code_expired", "bad_verification_code", "interaction_required", "consent_required", "login_required",
		"temporarily_unavailable", "server_error", "unknown_source", "bad_request_102", "identity_not_found",
	}
}

// needsPerson tells whether somebody has to sign in anew.
func (s sight) needsPerson() bool {
	return slices.Contains([]string{"invalid_grant", "interaction_required", "consent_required", "login_required"}, s.code)
}

// said is what the server said, for people. Empty: nothing that is known.
func (s sight) said() string {
	if s.number == 0 {
		return s.code
	}
	if s.code == "" {
		return fmt.Sprintf("AADSTS%d", s.number)
	}
	return fmt.Sprintf("%s, AADSTS%d", s.code, s.number)
}

// note takes down what is seen on the way to one token. A nil note takes down nothing.
type note struct {
	mu sync.Mutex
	at sight
}

type noteKey struct{}

// withNote gives a context a note.
func withNote(ctx context.Context) (context.Context, *note) {
	n := new(note)
	return context.WithValue(ctx, noteKey{}, n), n
}

// noted is the note of a context.
func noted(ctx context.Context) *note {
	n, _ := ctx.Value(noteKey{}).(*note)
	return n
}

// ask says that a request goes out.
func (n *note) ask() { n.set(sight{asked: true}) }

// note takes down an answer. page is the body of a refusal.
func (n *note) note(status int, page []byte) {
	s := sight{asked: true, status: status}
	if status >= http.StatusBadRequest {
		s.code, s.number = parseRefusal(page)
	}
	n.set(s)
}

func (n *note) set(s sight) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at = s
}

// last is what was seen last.
func (n *note) last() sight {
	if n == nil {
		return sight{}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at
}

// parseRefusal reads the error document of Entra and of Azure's metadata services.
func parseRefusal(page []byte) (code string, number int) {
	var said struct {
		Error   string `json:"error"`
		Numbers []int  `json:"error_codes"`
	}
	if err := json.Unmarshal(page, &said); err != nil {
		return "", 0
	}
	if slices.Contains(codes(), said.Error) {
		code = said.Error
	}
	if len(said.Numbers) > 0 && said.Numbers[0] > 0 && said.Numbers[0] < 1e9 {
		number = said.Numbers[0]
	}
	return code, number
}
