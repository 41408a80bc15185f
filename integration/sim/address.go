package sim

import (
	"crypto/tls"
	"net"
	"strings"
)

func (d *DP) address(scheme string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.addresses[scheme]
}

func (d *DP) setAddress(scheme, addr string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.addresses[scheme] = addr
}

// URL is the base of the DP's http URLs, or of its https URLs, without a slash at the end: "http://127.0.0.1:40123". Empty
// when the DP has no such listener.
func (d *DP) URL(scheme string) string {
	_, port, err := net.SplitHostPort(d.address(scheme))
	if err != nil {
		return ""
	}
	return scheme + "://" + net.JoinHostPort(strings.Trim(d.config.Host, "[]"), port)
}

// Location is the base URL of a content, as a location reply names it: for VdirPlain http when the DP has it, https for
// the others. Empty when the DP lacks the listener.
func (d *DP) Location(v Vdir, segment string) string {
	base := d.URL("http")
	if base == "" || v != VdirPlain {
		base = d.URL("https")
	}
	if base == "" {
		return ""
	}
	return base + "/" + v.String() + "SMS_DP_SMSPKG$/" + segment
}

func (d *DP) makeTLS() (*tls.Config, error) {
	cert, err := d.config.CA.Issue(d.config.Host, "127.0.0.1", "localhost")
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		Certificates: []tls.Certificate{cert},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    d.config.CA.Pool(),
	}, nil
}
