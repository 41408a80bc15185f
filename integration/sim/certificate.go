package sim

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"time"
)

// CertificateKind is what is right or wrong with the certificate that a server shows.
type CertificateKind uint8

const (
	// CertificateGood chains to the site's CA, is in force and names the server.
	CertificateGood CertificateKind = iota
	// CertificateUntrusted is of another root, which has the same name as the site's.
	CertificateUntrusted
	// CertificateExpired ended an hour ago.
	CertificateExpired
	// CertificateMisnamed is for "other.invalid" and 192.0.2.1.
	CertificateMisnamed
	certificateKinds = iota
)

// names of the kinds, in their order.
func certificateNames() [certificateKinds]string {
	return [...]string{"good", "untrusted", "expired", "misnamed"}
}

// UnmarshalText implements encoding.TextUnmarshaler for "good", "untrusted", "expired" and "misnamed".
func (k *CertificateKind) UnmarshalText(text []byte) error {
	names := certificateNames()
	i := slices.Index(names[:], string(text))
	if i < 0 {
		return fmt.Errorf("there is no certificate %q, but %v", text, names)
	}
	*k = CertificateKind(i)
	return nil
}

// identity is the certificates of a server. They are made when they are needed.
type identity struct {
	ca    *CA
	names []string

	mu   sync.Mutex
	kind CertificateKind
	made [certificateKinds]*tls.Certificate
}

// SetCertificate changes what the server shows in the handshakes that begin from then on.
func (o *origin) SetCertificate(k CertificateKind) error {
	if k >= certificateKinds {
		return fmt.Errorf("there is no certificate kind %d", k)
	}
	o.identity.mu.Lock()
	defer o.identity.mu.Unlock()
	o.identity.kind = k
	return nil
}

// tlsConfig is made for each handshake. No session is resumed: the switches are to hold for every connection.
func (o *origin) tlsConfig(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	cert, err := o.identity.show()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		Certificates:           []tls.Certificate{*cert},
		MinVersion:             tls.VersionTLS12,
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true,
	}
	if o.setup.clientAuth != nil {
		config.ClientAuth, config.ClientCAs = o.setup.clientAuth(), o.setup.ca.Pool()
	}
	if c, ok := hello.Conn.(*conn); ok && o.setup.lateDemand {
		c.demand = &lateDemand{}
		config.MaxVersion, config.CipherSuites, config.KeyLogWriter = tls.VersionTLS12, []uint16{demandSuite}, c.demand
	}
	return config, nil
}

func (i *identity) show() (*tls.Certificate, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.made[i.kind] == nil {
		cert, err := i.make()
		if err != nil {
			return nil, err
		}
		i.made[i.kind] = &cert
	}
	return i.made[i.kind], nil
}

// make needs mu.
func (i *identity) make() (tls.Certificate, error) {
	switch i.kind {
	case CertificateUntrusted:
		stranger, err := NewCA()
		if err != nil {
			return tls.Certificate{}, err
		}
		return stranger.Issue(i.names...)
	case CertificateExpired:
		return i.ca.issue(i.names, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-time.Hour)
		})
	case CertificateMisnamed:
		return i.ca.Issue("other.invalid", "192.0.2.1") // TEST-NET-1: nobody's address
	default:
		return i.ca.Issue(i.names...)
	}
}
