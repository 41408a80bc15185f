package sim

import (
	"crypto/tls"
	"fmt"
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
	full := net.JoinHostPort(strings.Trim(d.config.Host, "[]"), port)
	if full == hostPort(scheme, d.config.Host) {
		return scheme + "://" + d.config.Host // a default port is not spelled out
	}
	return scheme + "://" + full
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

// checkListen refuses an address that is no IP address with a port, or that others than this machine could reach.
func checkListen(addr string, anyAddress bool) error {
	host, port, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	switch {
	case err != nil || ip == nil || port == "":
		return fmt.Errorf("%q is not an IP address with a port", addr)
	case !ip.IsLoopback() && !anyAddress:
		return fmt.Errorf("%q is not a loopback address with a port", addr)
	}
	return nil
}

func (d *DP) makeTLS() (*tls.Config, error) {
	names := append([]string{d.config.Host, "127.0.0.1", "localhost"}, d.config.Names...)
	if host, _, err := net.SplitHostPort(d.config.HTTPSAddr); err == nil && host != "127.0.0.1" {
		names = append(names, host)
	}
	cert, err := d.config.CA.Issue(names...)
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
