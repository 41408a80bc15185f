package integration

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// foreign is a server that is none of ours, at an address that is redirected, and what its client says to it.
type foreign struct {
	name, port string
	serve      func(net.Listener) // until it is closed; nil: nobody is there
	talk       func(context.Context, net.Conn) error
}

// others: what is not ours passes through the box byte for byte.
func (s *transparentSite) others(t *testing.T) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.ca.PEM())
	cert, err := s.ca.Issue("other.branch.test", "other.ip.branch.test")
	must(t, err)
	secure := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	head := "GET /SMS_DP_SMSPKG$/PS100010/setup.exe HTTP/1.1\r\nhost:other.branch.test\r\nX-Odd:  y \r\n\r\n"
	all := []foreign{
		{"HTTPS of another name", "443", each(func(c net.Conn) { echo(tls.Server(c, secure)) }), func(_ context.Context, c net.Conn) error {
			secured := tls.Client(c, &tls.Config{RootCAs: roots, ServerName: "other.branch.test"})
			return errors.Join(heardBack(secured, 1<<20), isCertificate(secured, cert))
		}},
		{"TLS without a name", "443", each(func(c net.Conn) { echo(tls.Server(c, secure)) }), func(_ context.Context, c net.Conn) error {
			secured := tls.Client(c, &tls.Config{InsecureSkipVerify: true}) // the certificate is compared instead
			return errors.Join(heardBack(secured, 1<<20), isCertificate(secured, cert))
		}},
		{"HTTP of another name", "80", each(echo), func(_ context.Context, c net.Conn) error {
			return errors.Join(heardBackText(c, head), heardBack(c, 1<<20))
		}},
		{"no HTTP at all", "80", each(echo), func(_ context.Context, c net.Conn) error { return heardBack(c, 1<<20) }},
		{"HTTP/2 by prior knowledge", "80", serveHTTP2, askHTTP2},
		{"a server that speaks first", "80", each(func(c net.Conn) { io.WriteString(c, banner); echo(c) }), func(_ context.Context, c net.Conn) error {
			return errors.Join(heard(c, banner), heardBackText(c, "SSH-2.0-client\r\n"), heardBack(c, 1<<20))
		}},
		{"nobody", "443", nil, func(_ context.Context, c net.Conn) error {
			io.WriteString(c, head)
			if n, err := c.Read(make([]byte, 1)); err == nil || err == io.EOF {
				return fmt.Errorf("%d bytes and %v from a closed port", n, err)
			}
			return nil
		}},
	}
	before := s.connections("passed")
	t.Run("all", func(t *testing.T) {
		for _, f := range all {
			for family, wan := range map[string]string{"IPv4": wan4, "IPv6": wan6} {
				address := net.JoinHostPort(fmt.Sprint(wan, s.next), f.port)
				t.Run(f.name+" over "+family, func(t *testing.T) {
					t.Parallel() // the one that waits for its server waits for ten seconds
					s.other(t, f, address)
				})
			}
			s.next++
		}
	})
	if got := s.connections("passed") - before; got != float64(2*len(all)) {
		t.Errorf("%v connections went through the box, want %d: were the others redirected?", got, 2*len(all))
	}
}

func (s *transparentSite) other(t *testing.T, f foreign, address string) {
	if f.serve != nil {
		ln := s.server.listen(t, address)
		var served sync.WaitGroup
		served.Go(func() { f.serve(ln) })
		t.Cleanup(func() { ln.Close(); served.Wait() })
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	conn, err := s.client.dial(ctx, "tcp", address)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(40*time.Second)))
	if err := f.talk(ctx, conn); err != nil {
		t.Errorf("%v\n%.3000s", err, s.box.log)
	}
}

const banner = "SSH-2.0-server\r\n"

// each serves every connection of a listener.
func each(serve func(net.Conn)) func(net.Listener) {
	return func(ln net.Listener) {
		var all sync.WaitGroup
		defer all.Wait()
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	}
}

// echo says everything again until the client ends its side, and then ends its own.
func echo(c net.Conn) {
	io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
	c.(interface{ CloseWrite() error }).CloseWrite()
}

// heard wants to read exactly this next.
func heard(c net.Conn, want string) error {
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		return fmt.Errorf("heard %q and %v, want %q", got[:n], err, want)
	}
	return nil
}

// heardBackText wants the server to say what it is told.
func heardBackText(c net.Conn, text string) error {
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	return heard(c, text)
}

// heardBack wants the server to say what it is told, for a while, and to end when the client does.
func heardBack(c net.Conn, size int) error {
	data := make([]byte, size)
	source := rand.NewChaCha8([32]byte{1})
	source.Read(data)
	wrote := make(chan error, 1)
	go func() {
		_, err := c.Write(data)
		wrote <- errors.Join(err, c.(interface{ CloseWrite() error }).CloseWrite())
	}()
	back, err := io.ReadAll(c)
	if err = errors.Join(err, <-wrote); err != nil || !bytes.Equal(back, data) {
		return fmt.Errorf("%d bytes came back and %w, want %d", len(back), err, size)
	}
	return nil
}

// isCertificate wants the server's own certificate.
func isCertificate(c *tls.Conn, want tls.Certificate) error {
	if got := c.ConnectionState().PeerCertificates[0]; !bytes.Equal(got.Raw, want.Certificate[0]) {
		return fmt.Errorf("the certificate is of %v by %v", got.Subject, got.Issuer)
	}
	return nil
}

func http2Only() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}

func serveHTTP2(ln net.Listener) {
	server := http.Server{Protocols: http2Only(), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.Host, r.RequestURI)
	})}
	server.Serve(ln)
}

func askHTTP2(ctx context.Context, conn net.Conn) error {
	transport := &http.Transport{Protocols: http2Only(), DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://ipv4.branch.test/x", nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if string(body) != "HTTP/2.0 ipv4.branch.test/x" {
		return fmt.Errorf("got %q and %w", body, err)
	}
	return err
}

// direct: who connects to the listener itself gets nothing from it.
func (s *transparentSite) direct(t *testing.T) {
	for _, lan := range []string{lan4, lan6} {
		before := s.connections("direct")
		conn, err := s.client.dial(t.Context(), "tcp", net.JoinHostPort(lan+"1", redirectedPort))
		must(t, err)
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		io.WriteString(conn, "GET /SMS_DP_SMSPKG$/PS100010/setup.exe HTTP/1.1\r\nHost: ipv4.branch.test\r\n\r\n")
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Error("the listener answers whoever comes")
		}
		if got := s.connections("direct") - before; got != 1 {
			t.Errorf("%v connections were refused, want 1", got)
		}
	}
}
