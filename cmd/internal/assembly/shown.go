package assembly

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"

	"branchpoint/configs"
	"branchpoint/proxy/authority"
)

// shown is what a listener has to show clients who begin TLS. The zero shown is for plain HTTP.
type shown struct {
	pair      *tls.Certificate     // from files
	authority *authority.Authority // which makes certificates for the names of the listener
}

// readShown reads what a listener is to show, files again when it is called again. a is nil when there is no authority.
func readShown(l configs.Listener, a *authority.Authority) (shown, error) {
	switch {
	case l.TLS.CertificateFile != "":
		pair, err := tls.LoadX509KeyPair(l.TLS.CertificateFile, l.TLS.KeyFile)
		if err != nil {
			return shown{}, fmt.Errorf("listener %s: reading its certificate: %w", l.Name, err)
		}
		return shown{pair: &pair}, nil
	case len(l.TLS.Names) == 0:
		return shown{}, nil
	case a == nil:
		return shown{}, fmt.Errorf("listener %s: there is no certificate authority to make a certificate for %s; run `branchpoint ca init`, "+
			"or write certificate_file and key_file", l.Name, l.TLS.Names[0])
	}
	for _, name := range l.TLS.Names {
		if !a.Covers(name) {
			return shown{}, fmt.Errorf("listener %s: the certificate authority does not cover %s; `branchpoint ca rotate` makes one that does",
				l.Name, name)
		}
	}
	return shown{authority: a}, nil
}

// certificate says what clients are shown by a listener of these names: nil when they speak plain HTTP.
func (s shown) certificate(names []string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	switch {
	case s.pair != nil:
		return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.pair, nil }
	case s.authority != nil:
		return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.authority.Certificate(meant(names, hello))
		}
	}
	return nil
}

// meant returns the one of a gateway's names that a client means: the one that it says, or the address that it has connected
// to, since a client says no address; otherwise the first.
func meant(names []string, hello *tls.ClientHelloInfo) string {
	said := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if said == "" && hello.Conn != nil {
		said, _, _ = net.SplitHostPort(hello.Conn.LocalAddr().String())
	}
	if slices.Contains(names, said) {
		return said
	}
	return names[0]
}

// otherFile tells whether both come from files, and those hold other certificates.
func (s shown) otherFile(was shown) bool {
	return s.pair != nil && was.pair != nil && !slices.EqualFunc(s.pair.Certificate, was.pair.Certificate, bytes.Equal)
}
