// Package windowsauth logs in to one server with Windows authentication, over connections that nobody else uses.
//
// NTLM, and Negotiate as IIS does it, prove who somebody is to a TCP connection, and not to a request. Whoever sends a request
// over that connection is that account. So each connection here belongs to one Transport with one account, carries one
// request at a time, and is never in the pool of anything else.
package windowsauth

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// maxIdle is how many connections are kept for later. Messages to a management point are few.
const maxIdle = 2

// errElsewhere keeps the account from other servers: a login there would give them something to guess its password from.
var errElsewhere = errors.New("windows login: the request is for another server than the one that the account is for")

// Config says who logs in, and where.
type Config struct {
	// URL is the server: scheme, host and port; a path is ignored. Required. Requests to others are refused.
	URL string
	// User is the account: DOMAIN\name or name@domain; a computer's name ends with "$". Empty is the account of this process
	// (of the computer, for a service that runs as LocalSystem or NetworkService), which Windows only has.
	User string
	// PasswordFile holds the password and nothing else. Required with User. It is read for each login, so that a new one
	// counts at once.
	PasswordFile string
	// Transport says how the server is reached; ccm.NewTransport makes one. Required. It is copied, and its own connections
	// are not used.
	Transport *http.Transport
	// Logger gets one line for each login that fails. Nil discards.
	Logger *slog.Logger
}

// Transport is an http.RoundTripper that logs in when the server asks for it. The body of a request is sent again then, so
// one that cannot be had again (http.Request.GetBody) is held in memory. It may be used by many goroutines. That the
// server refuses the account, or that a login fails otherwise, is a Failure; an answer 401 is returned as it came when the server
// does not ask for Windows authentication.
type Transport struct {
	server  *url.URL
	account account
	name    string // of the account, for the log
	base    *http.Transport
	log     *slog.Logger

	// mu guards idle. It is not held while anything is sent.
	mu   sync.Mutex
	idle []*line
}

var _ http.RoundTripper = (*Transport)(nil)

// Validate says what is wrong with the settings. No file is read.
func (c Config) Validate() error {
	server, err := url.Parse(c.URL)
	switch {
	case err != nil || server.Host == "" || server.Scheme != "http" && server.Scheme != "https":
		return errors.New("windows login: the server has to be an http or https URL")
	case c.Transport == nil:
		return errors.New("windows login: the transport is missing")
	case c.User == "" && c.PasswordFile != "":
		return errors.New("windows login: there is a password file, but no user")
	case c.User == "":
		_, err = processAccount()
	default:
		err = checkUser(c.User)
	}
	if err != nil {
		return fmt.Errorf("windows login: %w", err)
	}
	return nil
}

// New returns a transport for config. It refuses settings that cannot work, and says why. Nothing is sent yet.
func New(config Config) (*Transport, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	server, err := url.Parse(config.URL)
	if err != nil {
		return nil, fmt.Errorf("windows login: %w", err)
	}
	t := &Transport{server: server, name: config.User, base: single(config.Transport), log: config.Logger}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if config.User == "" {
		t.name = "the account of the process"
		t.account, err = processAccount()
	} else {
		t.account, err = newPassword(config.User, config.PasswordFile)
	}
	if err != nil {
		return nil, fmt.Errorf("windows login: %w", err)
	}
	return t, nil
}

// single is a copy that opens one connection, in HTTP/1.1: in HTTP/2 many requests share one.
func single(from *http.Transport) *http.Transport {
	t := from.Clone()
	t.MaxConnsPerHost, t.MaxIdleConnsPerHost, t.DisableKeepAlives = 1, 1, false
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	return t
}

// RoundTrip sends a request, and logs in for it when the server asks for it.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if !sameServer(t.server, r.URL) {
		return nil, errElsewhere
	}
	again, err := replay(r)
	if err != nil {
		return nil, err
	}
	l := t.take()
	resp, err := l.do(r, again)
	if err != nil {
		l.transport.CloseIdleConnections()
		return nil, err
	}
	resp.Request = r // without the proof of who we are
	resp.Body = &returning{ReadCloser: resp.Body, back: sync.OnceFunc(func() { t.put(l) })}
	return resp, nil
}

// CloseIdleConnections closes the connections that carry no request now.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	idle := t.idle
	t.idle = nil
	t.mu.Unlock()
	for _, l := range idle {
		l.transport.CloseIdleConnections()
	}
}

// take is a connection that nobody uses, the last one that was used if there is one.
func (t *Transport) take() *line {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.idle); n > 0 {
		l := t.idle[n-1]
		t.idle = slices.Delete(t.idle, n-1, n)
		return l
	}
	return &line{transport: t.base.Clone(), of: t}
}

func (t *Transport) put(l *line) {
	t.mu.Lock()
	full := len(t.idle) >= maxIdle
	if !full {
		t.idle = append(t.idle, l)
	}
	t.mu.Unlock()
	if full {
		l.transport.CloseIdleConnections()
	}
}

// sameServer compares scheme, host and port.
func sameServer(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// spn is the name of the service that Kerberos gives a ticket for (RFC 4559, section 4.1).
func spn(server *url.URL) string {
	host := server.Hostname()
	if net.ParseIP(host) != nil {
		return "" // an address has no name, and Windows logs in with NTLM
	}
	return "HTTP/" + host
}
