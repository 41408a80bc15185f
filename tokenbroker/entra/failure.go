package entra

import (
	"context"
	"errors"
	"net/http"

	"branchpoint/tokenbroker/ccm"
)

var (
	// ErrRefused is an application, an identity or a person whom Entra gives no token: a wrong secret, a missing consent, a
	// wrong tenant. The number that the error's text has (AADSTS…) says which.
	ErrRefused = errors.New("no token is given by Microsoft Entra")
	// ErrSignIn is that somebody has to sign in first. The error's text says where, and with which code.
	ErrSignIn = errors.New("somebody has to sign in")
	// ErrUnavailable is a file or a command without a good token, or a secret or a key that cannot be read.
	ErrUnavailable = errors.New("there is no token")
	// ErrStrange is an answer that Entra does not give: a captive portal, a wrong authority.
	ErrStrange = errors.New("the answer is not one of Microsoft Entra")
)

// failure is an error that is fit to be shown: its text is of this package, of the network or of the operating system, and
// never of a library or a server.
func failure(ctx context.Context, seen *note, err error) error {
	if known, ok := errors.AsType[*ccm.Error](err); ok {
		return known
	}
	last := seen.last()
	f := &ccm.Error{Op: "get a token of Microsoft Entra", Kind: kindOf(last), Status: last.status, Note: last.said(), Cause: err}
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return &ccm.Error{Op: f.Op, Kind: context.Canceled}
	case errors.Is(err, ErrSignIn), errors.Is(err, ErrUnavailable), errors.Is(err, ErrStrange): // made here
		return &ccm.Error{Op: f.Op, Kind: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &ccm.Error{Op: f.Op, Kind: ccm.ErrUnreachable, Cause: context.DeadlineExceeded}
	case errors.Is(err, errElsewhere):
		return &ccm.Error{Op: f.Op, Kind: errors.Join(ErrStrange, errElsewhere)}
	}
	return f
}

// kindOf is what an answer means.
func kindOf(last sight) error {
	switch {
	case !last.asked:
		return ErrUnavailable
	case last.status == 0:
		return ccm.ErrUnreachable
	case last.status >= 500 || last.status == http.StatusTooManyRequests || last.code == "temporarily_unavailable":
		return ccm.ErrServer
	case last.code != "" || last.number != 0 || last.status == http.StatusUnauthorized || last.status == http.StatusForbidden:
		return ErrRefused
	case last.status >= 300 && last.status < 400:
		return ccm.ErrRedirected
	}
	return ErrStrange
}
