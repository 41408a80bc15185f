package windowsauth

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
)

const (
	// maxLegs bounds the messages of one login. NTLM takes two, Kerberos one or two.
	maxLegs = 5
	// maxRefusal bounds what is read of the page that comes with a 401, so that the connection can go on.
	maxRefusal = 256 << 10
	// maxBody bounds a body that is held in memory. Messages to a management point are far below it.
	maxBody = 16 << 20
)

// errMoved is a login that could not be finished, and no refusal of the account.
const errMoved = Failure("the server closed the connection in the middle of it")

// errRefused is the last word of a server about an account.
const errRefused = Failure("the server refused the account")

// Failure is a login that failed, and why. Its text holds no secret, and may be shown. What fails before or after a login is
// none.
type Failure string

// Error is the text.
func (f Failure) Error() string { return "windows login: " + string(f) }

// LoginFailed is that text for who tells it in words of his own.
func (f Failure) LoginFailed() string { return string(f) }

// line is one connection, which may have logged in before. One request uses it at a time.
type line struct {
	transport *http.Transport
	of        *Transport
}

// body opens the body of a request, once more each time. Nil: there is none.
type body func() (io.ReadCloser, error)

// replay makes the body of a request one that can be sent again.
func replay(r *http.Request) (body, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.GetBody != nil {
		return r.GetBody, nil
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("windows login: reading the body of the request: %w", err)
	}
	if len(text) > maxBody {
		return nil, fmt.Errorf("windows login: the body of the request is over %d bytes", maxBody)
	}
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }, nil
}

// do sends the request as it is: the connection may have logged in before. When it is answered with 401, it logs in, and
// sends the request with each message of the login: with Kerberos the first message is the only one.
func (l *line) do(r *http.Request, again body) (*http.Response, error) {
	resp, _, err := l.send(r, again, "")
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	scheme := offered(resp.Header, l.of.account.schemes())
	if scheme == "" {
		return resp, nil
	}
	drain(resp)
	resp, err = l.login(r, again, scheme)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		drain(resp)
		resp, err = nil, errRefused
	}
	if err != nil {
		l.of.log.Warn("a login with Windows authentication failed", "server", r.URL.Host, "account", l.of.name, "scheme", scheme, "reason", err.Error())
	}
	return resp, err
}

func (l *line) login(r *http.Request, again body, scheme string) (*http.Response, error) {
	h, message, err := l.of.account.begin(scheme, spn(r.URL))
	if err != nil {
		return nil, Failure(err.Error())
	}
	defer h.close()
	var first net.Conn
	for leg := 0; ; leg++ {
		resp, conn, err := l.send(r, again, scheme+" "+base64.StdEncoding.EncodeToString(message))
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			return resp, err
		}
		if leg == 0 {
			first = conn
		}
		challenge := challengeOf(resp.Header, scheme)
		switch {
		case conn != first:
			drain(resp)
			return nil, errMoved
		case len(challenge) == 0 || leg+1 >= maxLegs:
			return resp, nil
		}
		drain(resp)
		if message, err = h.next(challenge); err != nil {
			return nil, Failure(err.Error())
		}
	}
}

// send sends the request once, and says over which connection. authorization is empty for none of ours.
func (l *line) send(r *http.Request, again body, authorization string) (resp *http.Response, conn net.Conn, err error) {
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { conn = info.Conn }}
	leg := r.Clone(httptrace.WithClientTrace(r.Context(), trace))
	leg.Body, leg.GetBody = nil, nil
	if again != nil {
		if leg.Body, err = again(); err != nil {
			return nil, nil, fmt.Errorf("windows login: reading the body of the request again: %w", err)
		}
	}
	if authorization != "" {
		leg.Header.Set("Authorization", authorization)
	}
	resp, err = l.transport.RoundTrip(leg)
	return resp, conn, err
}

// offered is the first scheme of a list that the server offers.
func offered(h http.Header, schemes []string) string {
	for _, scheme := range schemes {
		for _, offer := range h.Values("WWW-Authenticate") {
			if name, _, _ := strings.Cut(strings.TrimSpace(offer), " "); strings.EqualFold(name, scheme) {
				return scheme
			}
		}
	}
	return ""
}

// challengeOf is the message of the server in an answer. Empty: there is none, which is a refusal.
func challengeOf(h http.Header, scheme string) []byte {
	for _, offer := range h.Values("WWW-Authenticate") {
		name, text, _ := strings.Cut(strings.TrimSpace(offer), " ")
		if !strings.EqualFold(name, scheme) {
			continue
		}
		if message, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil {
			return message
		}
	}
	return nil
}

// drain reads what is left of an answer, so that its connection can carry the next request.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxRefusal) // a longer one costs the connection
	_ = resp.Body.Close()
}

// returning gives a connection back when the answer has been read.
type returning struct {
	io.ReadCloser
	back func()
}

// Close closes the body.
func (r *returning) Close() error {
	defer r.back()
	return r.ReadCloser.Close()
}
