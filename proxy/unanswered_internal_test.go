package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"testing"
)

// TestReason: whatever goes wrong is told in words of ours.
func TestReason(t *testing.T) {
	secret := errors.New("secret")
	for want, err := range map[string]error{
		"its address is never dialled": &net.OpError{Op: "dial", Err: &ForbiddenError{}},
		"it did not answer in time":    &url.Error{Op: "Get", URL: "http://x/?secret", Err: context.DeadlineExceeded},
		"its name cannot be resolved":  &net.OpError{Op: "dial", Err: &net.DNSError{Err: "secret", Name: "secret", IsNotFound: true}},
		"its certificate cannot be verified: x509: certificate signed by unknown authority": &tls.CertificateVerificationError{
			Err: x509.UnknownAuthorityError{}},
		"it asks for a client's certificate": &net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")},
		"it does not agree to TLS":           tls.AlertError(40),
		"it does not accept connections":     &net.OpError{Op: "dial", Err: secret},
		"it closed the connection":           &net.OpError{Op: "read", Err: secret},
		"the answer has no final status":     errors.Join(errNoStatus, secret),
		"its answer is not valid HTTP":       fmt.Errorf("malformed HTTP status code %w", secret),
	} {
		if got := reason(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	for _, err := range []error{io.EOF, fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), net.ErrClosed} {
		if got := reason(err); got != "it closed the connection" {
			t.Errorf("%v: %q", err, got)
		}
	}
}
