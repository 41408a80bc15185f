package sim

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// ask is send, with Windows authentication when the answer asks for it and the client has an account: two more requests
// on the same connection (MS-NLMP; RFC 4559 for Negotiate).
func (s *session) ask(c call) (*http.Response, error) {
	resp, err := s.send(c)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || s.config.Account == nil {
		return resp, err
	}
	scheme := ""
	for _, offer := range resp.Header.Values("WWW-Authenticate") {
		if offer == "Negotiate" || offer == "NTLM" && scheme == "" {
			scheme = offer
		}
	}
	if scheme == "" {
		return resp, nil
	}
	s.finish(resp)
	resp, err = s.send(c.with("Authorization", scheme+" "+base64.StdEncoding.EncodeToString(ntlmHello())))
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	_, text, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), " ")
	challenge, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return resp, nil // a refusal, not a challenge
	}
	proof, err := ntlmProve(*s.config.Account, challenge)
	if err != nil {
		return resp, nil
	}
	s.finish(resp)
	return s.send(c.with("Authorization", scheme+" "+base64.StdEncoding.EncodeToString(proof)))
}

// with is the call with one more header field.
func (c call) with(name, value string) call {
	c.fields = append(c.fields[:len(c.fields):len(c.fields)], headerField{name, value})
	return c
}
