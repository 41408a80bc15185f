package assembly

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"

	"branchpoint/configs"
	"branchpoint/proxy"
	"branchpoint/proxy/authority"
)

var _ proxy.Authority = (*authority.Authority)(nil)

// errHidden says that we may not even look whether there is a certificate authority.
var errHidden = errors.New("we may not look for a certificate authority")

// newAuthority loads the certificate authority of this machine. It is nil when there is none: then everything is tunnelled.
func newAuthority(c *configs.Config) (*authority.Authority, error) {
	a, err := authority.Load(c.Interception.CADirectory)
	switch {
	case err == nil:
		return a, nil
	case errors.Is(err, authority.ErrNone):
		return nil, nil
	}
	if _, seen := os.Stat(c.Interception.CADirectory); errors.Is(seen, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: %w", errHidden, err)
	}
	return nil, fmt.Errorf("loading the certificate authority: %w", err)
}

// tellOfAuthority tells of names that the authority does not cover, or that there is none.
func tellOfAuthority(c *configs.Config, a *authority.Authority, log *slog.Logger) {
	if a == nil {
		log.Info("HTTPS is tunnelled and not seen into: there is no certificate authority; `branchpoint ca init` makes it",
			"ca_directory", c.Interception.CADirectory)
		return
	}
	if missing := a.Missing(c.AuthorityNames()); len(missing) > 0 {
		log.Warn("the certificate authority does not cover names of the configuration, so HTTPS to them is tunnelled; "+
			"`branchpoint ca rotate` makes one that does", "names", strings.Join(missing, " "))
	}
}

// certificate says what clients of a listener are shown when they begin TLS: nil when they speak plain HTTP. Files are read
// now, so that another call reads them again.
func certificate(l configs.Listener, a *authority.Authority) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	switch {
	case l.TLS.CertificateFile != "":
		pair, err := tls.LoadX509KeyPair(l.TLS.CertificateFile, l.TLS.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("listener %s: reading its certificate: %w", l.Name, err)
		}
		return func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &pair, nil }, nil
	case len(l.TLS.Names) == 0:
		return nil, nil
	case a == nil:
		return nil, fmt.Errorf("listener %s: there is no certificate authority to make a certificate for %s; run `branchpoint ca init`, "+
			"or write certificate_file and key_file", l.Name, l.TLS.Names[0])
	}
	for _, name := range l.TLS.Names {
		if !a.Covers(name) {
			return nil, fmt.Errorf("listener %s: the certificate authority does not cover %s; `branchpoint ca rotate` makes one that does",
				l.Name, name)
		}
	}
	names := l.TLS.Names
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return a.Certificate(meant(names, hello)) }, nil
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
