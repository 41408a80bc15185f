package ccm

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// What can go wrong, as those who ask have to tell it apart. Every error of a Client, a Bootstrap, an STS and a Kept that
// comes from the other side is an *Error, and is one of these by errors.Is.
var (
	// ErrRefused is the silent no of a management point: 200 with nothing in it. The signature, the clock, the approval, or
	// a registration that has not reached the site's database yet.
	ErrRefused = errors.New("the management point refused the message with an empty answer (signature, clock or approval)")
	// ErrUnreachable is no answer, or one that was cut short.
	ErrUnreachable = errors.New("there is no answer")
	// ErrExpired is 401: the token that was shown is expired, revoked or of no use there.
	ErrExpired = errors.New("the token was not taken: it is missing, expired, revoked or unknown there")
	// ErrCertificateRequired is IIS 403.7: a TLS client certificate is wanted.
	ErrCertificateRequired = errors.New("a client certificate is required")
	// ErrWindowsRequired is 401 with a Negotiate or NTLM challenge: a Windows account is wanted.
	ErrWindowsRequired = errors.New("a login with Windows authentication is required")
	// ErrLogin is a login with a Windows account that failed: the server refused the account, or there is none to be had.
	ErrLogin = errors.New("the login with the Windows account failed")
	// ErrForbidden is any other 403.
	ErrForbidden = errors.New("access is forbidden")
	// ErrGateway is a cloud management gateway whose connector did not get into the management point.
	ErrGateway = errors.New("the gateway could not authenticate to the management point")
	// ErrRedirected is a 3xx. It is never followed: a redirect in IIS breaks these services, and leads tokens astray.
	ErrRedirected = errors.New("the server redirects elsewhere")
	// ErrServer is a 5xx.
	ErrServer = errors.New("the server failed")
	// ErrProtocol is an answer that no such server gives: a captive portal, a wrong address, a broken message.
	ErrProtocol = errors.New("the answer is not what such a server says")
	// ErrOtherSite is a management point that knows no site of the code that it was asked for.
	ErrOtherSite = errors.New("the management point knows no such site")
	// ErrNotRegistered is a message that has to be signed, from an identity that the site has not given an id yet, or one
	// whose registration the site has reset.
	ErrNotRegistered = errors.New("this identity is not registered at the site")
	// ErrNotApproved is a registration that the site refuses, or that an administrator has not approved yet.
	ErrNotApproved = errors.New("the registration is not approved")
	// ErrNoToken is an answer without a token in the places that the settings name.
	ErrNoToken = errors.New("the answer has no token in the places where the settings look for one")
)

// Error is a failed request. Its text holds no secret, no URL, and of what a server wrote only the names in its
// certificate: it may be logged and shown.
type Error struct {
	// Op is what was being done.
	Op string
	// Kind is one of the errors of this package, or context.Canceled.
	Kind error
	// Status is the HTTP status. 0: there was none.
	Status int
	// Note is a status text that gateways and IIS are known for. Empty: there was none.
	Note string
	// Cause is what the network or a parser said. Nil: nothing.
	Cause error
}

// Error is the text.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + ": " + e.Kind.Error())
	switch {
	case e.Status != 0 && e.Note != "":
		b.WriteString(" (HTTP " + strconv.Itoa(e.Status) + ", " + e.Note + ")")
	case e.Status != 0:
		b.WriteString(" (HTTP " + strconv.Itoa(e.Status) + ")")
	}
	if said := describe(e.Cause); said != "" {
		b.WriteString(": " + said)
	}
	return b.String()
}

// Unwrap gives the kind only. The cause is left out: whoever prints a whole chain would print what a server wrote.
func (e *Error) Unwrap() error { return e.Kind }

// nonsense is an answer with the status 200 that makes no sense.
func nonsense(op string, cause error) *Error {
	return &Error{Op: op, Kind: ErrProtocol, Status: http.StatusOK, Cause: cause}
}

// flaw is what this package finds wrong with an answer. Its text holds nothing of the answer, and so may be shown.
type flaw string

func (f flaw) Error() string { return string(f) }

// loginFailure is what a transport returns that logs in, when that is what failed. Its text holds no secret.
type loginFailure interface {
	error
	LoginFailed() string
}

// describe is the text of a cause that is known to hold no secret. Errors of net/http quote lines of the server.
func describe(cause error) string {
	if known, ok := errors.AsType[flaw](cause); ok {
		return known.Error()
	}
	if login, ok := errors.AsType[loginFailure](cause); ok {
		return login.LoginFailed()
	}
	if op, ok := errors.AsType[*net.OpError](cause); ok {
		return op.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](cause); ok {
		return dns.Error()
	}
	if cert, ok := errors.AsType[*tls.CertificateVerificationError](cause); ok {
		return cert.Error()
	}
	switch {
	case cause == nil:
		return ""
	case errors.Is(cause, context.DeadlineExceeded):
		return "it took too long"
	case errors.Is(cause, context.Canceled):
		return "it was given up"
	}
	return "the connection or the answer is broken"
}
