package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestRedirectedToOurHost: content is fetched by name and kept; a request for another host goes to the address that the
// connection was made to, and the next one for ours does not.
func TestRedirectedToOurHost(t *testing.T) {
	r := newRedirect(t, wasMeant)
	conn := r.client()
	in := bufio.NewReader(conn)
	ours := func() {
		t.Helper()
		r.say(conn, ourFile)
		if status, body := r.hearAnswer(in); status != 200 || body != "4096" {
			t.Errorf("got %d: %q", status, body)
		}
	}
	ours()
	ours()
	if dials := r.dials(); len(dials) > 0 {
		t.Errorf("%q was dialled for what is ours", dials)
	}
	var server http.Server
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { fmt.Fprint(w, q.RequestURI, " at ", q.Host) })
	served := make(chan error)
	go func() { served <- server.Serve(r.server) }()
	// The same path under another name is not content, whatever it looks like.
	for _, host := range []string{"evil", "DP1:8080", "dp1:443"} {
		r.say(conn, "GET /SMS_DP_SMSPKG$/PS100015.1/sccm?/a.cab HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		if _, body := r.hearAnswer(in); body != "/SMS_DP_SMSPKG$/PS100015.1/sccm?/a.cab at "+host {
			t.Errorf("got %q", body)
		}
	}
	ours()
	if dials := r.dials(); len(dials) != 1 || dials[0] != meant.String() {
		t.Errorf("%q was dialled", dials)
	}
	server.Close()
	<-served
}

// TestRedirectedTLS: TLS to our host is seen into, and leads to that host alone. TLS to others is not touched, not even to a host
// that a proxy's clients may reach: who names it may have been on the way to somewhere else.
func TestRedirectedTLS(t *testing.T) {
	a := newAuthority(t)
	r := newRedirect(t, wasMeant, func(c *Config) { c.Authority, c.InterceptHosts = a, []string{"dp1", "elsewhere"} })
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	conn := tls.Client(r.client(), &tls.Config{RootCAs: roots, ServerName: "dp1"})
	in := bufio.NewReader(conn)
	for _, tt := range []struct {
		host   string
		status int
		body   string
	}{
		{"dp1:80", 200, "4096"}, {"DP1", 200, "4096"},
		{"elsewhere", 421, "Branchpoint: this connection leads to another server than the request names.\n"},
	} {
		r.say(conn, "GET /SMS_DP_SMSPKG$/PS100015.1/sccm?/a.cab HTTP/1.1\r\nHost: "+tt.host+"\r\n\r\n")
		if status, body := r.hearAnswer(in); status != tt.status || body != tt.body {
			t.Errorf("Host %s: got %d: %q, want %d: %q", tt.host, status, body, tt.status, tt.body)
		}
	}
	if dials := r.dials(); slices.Contains(dials, meant.String()) {
		t.Errorf("%q was dialled for what is ours", dials)
	}
	other := r.client()
	hello := string(clientHello(&tls.Config{ServerName: "elsewhere"}))
	r.say(other, hello)
	r.hear(r.accept(), hello)
}

// TestDirect: who was not redirected is sent away, and nothing is dialled for him.
func TestDirect(t *testing.T) {
	for name, original := range map[string]func(*net.TCPConn) (netip.AddrPort, error){
		"our own address": func(c *net.TCPConn) (netip.AddrPort, error) { return addrPort(c.LocalAddr()), nil },
		"no account of it": func(*net.TCPConn) (netip.AddrPort, error) {
			return netip.AddrPort{}, errors.New("no such file or directory")
		},
		"as the system tells": originalDestination,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRedirect(t, original)
			client := r.client()
			client.Write([]byte(ourFile)) // may be refused before it is out
			if n, err := client.Read(make([]byte, 1)); n > 0 || err == nil {
				t.Errorf("%d bytes came", n)
			}
			r.stop()
			r.p.Close()
			if dials := r.dials(); len(dials) > 0 || !strings.Contains(r.log.String(), "nobody redirected it") {
				t.Errorf("%q was dialled; the log:\n%s", dials, &r.log)
			}
		})
	}
}

// TestRedirectedToItself: a firewall that catches what we send as well makes no circle that fills the machine.
func TestRedirectedToItself(t *testing.T) {
	var r *redirect
	r = newRedirect(t, wasMeant, func(c *Config) {
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			r.note(address)
			return new(net.Dialer).DialContext(ctx, network, r.address)
		}
	})
	client := r.client()
	r.say(client, "\x00")
	if n, err := client.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("%d bytes came", n)
	}
	r.stop()
	r.p.Close()
	if dials := r.dials(); len(dials) != 1 || !strings.Contains(r.log.String(), "it is our own") {
		t.Errorf("%q was dialled; the log:\n%s", dials, &r.log)
	}
}
