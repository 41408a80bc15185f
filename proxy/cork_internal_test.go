package proxy

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestGoodbye: a client that does not read holds up no door that closes; otherwise it has the time that TLS gives it.
func TestGoodbye(t *testing.T) {
	for _, closing := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			certificate, _ := newAuthority(t).Certificate("dp1")
			client, server := net.Pipe()
			defer client.Close()
			out := &corked{Conn: server, certificate: show(certificate), buffers: &sync.Pool{New: newCork}}
			s := &secured{Conn: tls.Server(out, serverTLS()), out: out, closing: new(atomic.Bool)}
			s.closing.Store(closing)
			shaken := make(chan error)
			go func() { // TLS 1.2, where the server has nothing to say after the handshake
				shaken <- tls.Client(client, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}).Handshake()
			}()
			if err := s.Handshake(); err != nil {
				t.Fatal(err)
			}
			if err := <-shaken; err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			s.Close()
			want := map[bool]time.Duration{false: 5 * time.Second, true: goodbye}[closing]
			if took := time.Since(begin); took != want {
				t.Errorf("closing: %v: it took %v, want %v", closing, took, want)
			}
		})
	}
}
