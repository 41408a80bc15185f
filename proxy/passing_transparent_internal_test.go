package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"testing"
)

// shownHere hands over what a Reader is shown.
type shownHere chan string

func (s shownHere) Message(m PassedMessage) {
	s <- fmt.Sprintf("%s own %v: %s -> %s", m.Host, m.Own, m.Request, m.Answer)
}
func (s shownHere) List(host, target string, body []byte) {
	s <- fmt.Sprintf("%s %s: %s", host, target, body)
}

// TestReadOfTheRedirected: messages of clients that a firewall has redirected are read when they are for a server of the site, by
// whatever address it was called, and those to a server of the client's own choice are not.
func TestReadOfTheRedirected(t *testing.T) {
	shown := make(shownHere, 10)
	var r *redirect
	r = newRedirect(t, wasMeant, func(c *Config) {
		c.Reader, c.SiteHosts = shown, []string{"mp.site:80", meant.String()}
		c.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
			r.note(address)
			return new(net.Dialer).DialContext(ctx, "tcp", r.server.Addr().String())
		}
	})
	post := "CCM_POST /ccm_system/request HTTP/1.1\r\nHost: %s\r\nContent-Length: 6\r\n\r\n%s"
	client := r.client()
	in := bufio.NewReader(client)
	for i, host := range []string{"MP.site", "evil", "mp.site:80"} {
		r.say(client, fmt.Sprintf(post, host, fmt.Sprint("where", i)))
		server := r.accept()
		hears := bufio.NewReader(server)
		for line := ""; line != "\r\n"; {
			var err error
			line, err = hears.ReadString('\n')
			r.must(err)
		}
		r.hear(hears, fmt.Sprint("where", i))
		r.say(server, fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhere%d", i))
		server.Close()
		if status, body := r.hearAnswer(in); status != 200 || body != fmt.Sprint("here", i) {
			t.Errorf("the client got %d %q", status, body)
		}
	}
	for _, want := range []string{"mp.site:80 own false: where0 -> here0", "mp.site:80 own false: where2 -> here2"} {
		if got := <-shown; got != want {
			t.Errorf("shown was %q, want %q", got, want)
		}
	}
}

// TestReadOfTheRedirectedInTLS: the same for a gateway that the client named in TLS.
func TestReadOfTheRedirectedInTLS(t *testing.T) {
	shown := make(shownHere, 10)
	ours := newAuthority(t)
	roots := x509.NewCertPool()
	roots.AddCert(ours.cert)
	secure := netip.AddrPortFrom(meant.Addr(), 443)
	var r *redirect
	r = newRedirect(t, func(*net.TCPConn) (netip.AddrPort, error) { return secure, nil }, func(c *Config) {
		c.Reader, c.SiteHosts, c.Authority, c.InterceptHosts, c.RootCAs = shown, []string{"dp1:443"}, ours, []string{"dp1"}, roots
		c.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", r.server.Addr().String())
		}
	})
	commit, err := r.door.Prepare(Listener{Name: "l", Entitlement: Origin, Transparent: true, Hosts: []string{"dp1:443"}})
	r.must(err)
	commit()
	certificate, err := ours.Certificate("dp1")
	r.must(err)
	go func() {
		for {
			conn, err := r.server.Accept()
			if err != nil {
				return
			}
			go answerOnce(tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*certificate}}))
		}
	}()
	client := tls.Client(r.client(), &tls.Config{ServerName: "dp1", RootCAs: roots})
	r.must(client.Handshake())
	r.say(client, "GET /downloadrestservice.svc/getcontentxmlsecure?cid=x HTTP/1.1\r\nHost: dp1\r\n\r\n")
	if status, body := r.hearAnswer(bufio.NewReader(client)); status != 200 || body != "here" {
		t.Errorf("the client got %d %q", status, body)
	}
	if got, want := <-shown, "dp1:443 /downloadrestservice.svc/getcontentxmlsecure?cid=x: here"; got != want {
		t.Errorf("shown was %q, want %q", got, want)
	}
}

// answerOnce answers the first request on a connection, if one comes.
func answerOnce(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = in.ReadString('\n'); err != nil {
			return
		}
	}
	_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nhere"))
}
