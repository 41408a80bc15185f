package sim

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// ServeHTTP exchanges a token.
func (s *TokenService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.front.serve(w, r, s.answer)
}

func (s *TokenService) answer(w *recorder, r *http.Request) {
	defer s.under.enter(struct{}{})()
	if s.front.sufferEarly(w, r) {
		return
	}
	set := s.Settings()
	switch {
	case r.TLS == nil:
		w.fail(http.StatusForbidden, 4)
	case !strings.EqualFold(r.URL.Path, set.Path):
		w.fail(http.StatusNotFound, 0)
	case r.Method != set.Method:
		w.Header().Set("Allow", set.Method)
		w.fail(http.StatusMethodNotAllowed, 0)
	default:
		s.exchange(w, r, set)
	}
}

func (s *TokenService) exchange(w *recorder, r *http.Request, set STSSettings) {
	from, token, err := s.accept(r, set)
	done := STSExchange{Kind: from.kind, Holder: from.holder}
	w.entry.User = from.holder
	if err != nil {
		done.Refused = err.Error()
		s.counts.add(done)
		refuseToken(w, from)
		return
	}
	body, err := set.answer(w.Header(), token.token.Reveal(), token.until, set.Now())
	if err != nil { // the settings were checked, so this does not happen
		w.fail(http.StatusInternalServerError, 0)
		return
	}
	s.counts.add(done)
	s.front.sendBytes(w, r, "token", body)
}

// accept takes the token that a request shows, and issues another.
func (s *TokenService) accept(r *http.Request, set STSSettings) (tokenSubject, issued, error) {
	shown, err := set.shown(r)
	if err != nil {
		return tokenSubject{}, issued{}, err
	}
	from, err := s.recognize(set, shown)
	if err != nil {
		return from, issued{}, err
	}
	token, err := s.issue(set, from)
	return from, token, err
}

// shown is the token in a request.
func (s STSSettings) shown(r *http.Request) (string, error) {
	text := r.Header.Get(s.Header)
	if s.Carriage == CarryInBody {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxJWT))
		if err != nil {
			return "", fmt.Errorf("read the body: %w", err)
		}
		text = strings.TrimSpace(string(body))
	}
	before, after, _ := strings.Cut(s.Format, "{token}")
	token, okBefore := strings.CutPrefix(text, before)
	token, okAfter := strings.CutSuffix(token, after)
	if text == "" || !okBefore || !okAfter {
		return "", errors.New("no token is shown")
	}
	return token, nil
}

// refuseToken answers with 401, and with the words that the log of a token service has for an expired bulk registration token
// (published logs); those for other tokens are made up.
func refuseToken(w *recorder, from tokenSubject) {
	text := "Token validation failed"
	if from.kind == subjectBulk {
		text = "PreAuth token validation failed"
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, text) // the log has noted it
}
