package site

import (
	"context"
	"errors"

	"branchpoint/tokenbroker/ccm"
)

// kind is how a question ended, in a word for status and metrics.
type kind string

const (
	kindOK     kind = "ok"
	kindFailed kind = "failed" // in a way that has no word
)

// classify finds the error that errors.Is compares err with, and its kind. The error is nil where there is no word for it.
func classify(err error) (kind, error) {
	for _, k := range []struct {
		kind kind
		err  error
	}{
		{"no-token", ccm.ErrNoToken},
		{"unreachable", ccm.ErrUnreachable},
		{"refused", ccm.ErrRefused},
		{"not-registered", ccm.ErrNotRegistered},
		{"not-approved", ccm.ErrNotApproved},
		{"token-refused", ccm.ErrExpired},
		{"certificate-required", ccm.ErrCertificateRequired},
		{"login-required", ccm.ErrWindowsRequired},
		{"login-failed", ccm.ErrLogin},
		{"forbidden", ccm.ErrForbidden},
		{"gateway-refused", ccm.ErrGateway},
		{"redirected", ccm.ErrRedirected},
		{"other-site", ccm.ErrOtherSite},
		{"server-error", ccm.ErrServer},
		{"strange-answer", ccm.ErrProtocol},
		{"timeout", context.DeadlineExceeded},
		{"given-up", context.Canceled},
	} {
		if errors.Is(err, k.err) {
			return k.kind, k.err
		}
	}
	return kindFailed, nil
}

// kindOf is the kind of an error. Nil is kindOK.
func kindOf(err error) kind {
	if err == nil {
		return kindOK
	}
	k, _ := classify(err)
	return k
}

// aboutUs tells whether an error may be about the registration of this machine.
func aboutUs(err error) bool {
	return errors.Is(err, ccm.ErrRefused) || errors.Is(err, ccm.ErrNotRegistered) || errors.Is(err, ccm.ErrNotApproved)
}
