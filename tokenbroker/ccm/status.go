package ccm

import (
	"net/http"
	"strings"
)

// signs are the status texts by which gateways and IIS say more than the number does (Microsoft's documentation of the
// cloud management gateway; IIS status codes). They are the only words of a server that an error repeats.
func signs() []sign {
	return []sign{
		{"CMGConnector_Clientcertificaterequired", ErrCertificateRequired},
		{"CMGConnector_Unauthorized", ErrGateway},
		{"CMGConnector_Forbidden", ErrForbidden},
		{"CMGConnector_InternalServerError", ErrServer},
		{"CMGService_Invalid_Token", ErrExpired},
		{"PreAuth token validation failed", ErrExpired},
		{"Client certificate required", ErrCertificateRequired},
		{"403.7", ErrCertificateRequired},
	}
}

type sign struct {
	text string
	kind error
}

// refusal is what an HTTP status other than 200 means. It is nil for 200, and for a 304 that was asked for.
func refusal(request call, resp *http.Response, body []byte) error {
	op := request.op
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNotModified && request.conditional() {
		return nil
	}
	e := &Error{Op: op, Kind: kindOf(resp), Status: resp.StatusCode}
	if resp.StatusCode < 400 {
		return e
	}
	said := strings.ToLower(resp.Status + "\n" + string(body))
	for _, s := range signs() {
		if strings.Contains(said, strings.ToLower(s.text)) {
			e.Kind, e.Note = s.kind, s.text
			break
		}
	}
	return e
}

// kindOf is what a status means where nothing more is said.
func kindOf(resp *http.Response) error {
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized && asksForWindows(resp.Header):
		return ErrWindowsRequired
	case code == http.StatusUnauthorized:
		return ErrExpired
	case code == http.StatusForbidden:
		return ErrForbidden
	case code >= 300 && code < 400:
		return ErrRedirected
	case code >= 500:
		return ErrServer
	}
	return ErrProtocol
}

func asksForWindows(h http.Header) bool {
	for _, challenge := range h.Values("WWW-Authenticate") {
		scheme, _, _ := strings.Cut(strings.TrimSpace(challenge), " ")
		if strings.EqualFold(scheme, "Negotiate") || strings.EqualFold(scheme, "NTLM") {
			return true
		}
	}
	return false
}
