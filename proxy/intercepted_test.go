package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/proxy"
)

// TestUnanswerableInside: a client that our own server could not answer reaches the one that it means, with its certificate.
func TestUnanswerableInside(t *testing.T) {
	s := newTrusting(t, options{})
	s.startTLS("dp1:443", newDP(10), func(c *tls.Config) { c.MinVersion, c.NextProtos = tls.VersionTLS10, []string{"h2", "http/1.1"} })
	for _, tt := range []struct {
		name   string
		client *tls.Config
		pool   *testCA
	}{
		{"no server name", &tls.Config{}, s.box.testCA},
		{"in capitals", &tls.Config{ServerName: "DP1"}, s.box.testCA},
		{"HTTP/2 alone", &tls.Config{ServerName: "dp1", NextProtos: []string{"h2"}}, s.servers},
		{"TLS 1.1", &tls.Config{ServerName: "dp1", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, s.servers},
		{"another server", &tls.Config{ServerName: "elsewhere"}, s.servers},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.connect("dp1:443")
			tt.client.InsecureSkipVerify = true // who has signed is looked at below
			conn := tls.Client(buffered{c.TCPConn, c.r}, tt.client)
			s.must(conn.Handshake())
			if _, err := conn.ConnectionState().PeerCertificates[0].Verify(x509.VerifyOptions{Roots: tt.pool.pool}); err != nil {
				t.Error(err)
			}
		})
	}
	for decision, want := range map[string]float64{"intercepted": 2, "unanswerable": 3} {
		if got := s.counted("branchpoint_tls_connections_total", decision); got != want {
			t.Errorf("%v connections were counted as %s, want %v", got, decision, want)
		}
	}
	status := s.proxy.Interception().Hosts
	if len(status) != 1 || status[0].Intercepted || status[0].Connections != 5 || !strings.HasPrefix(status[0].Reason, "its client spoke something") {
		t.Errorf("the status is %+v", status)
	}
	if told := strings.Count(s.log.String(), `"host":"dp1"}`); told != 1 {
		t.Errorf("the log tells %d times of the host", told)
	}
}

// TestWhatBecameOfAConnect: a CONNECT that is to be seen into counts as that when it is, and not before.
func TestWhatBecameOfAConnect(t *testing.T) {
	hello := "\x16\x03\x01\x02\x00\x01\x00"
	for _, tt := range []struct{ name, says, decision, result string }{
		{"nothing", "", "left", "left"},
		{"part of a ClientHello", hello, "left", "left"},
		{"no TLS", "SSH-2.0-x\r\n", "unanswerable", "pass"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in, out := newPipes(), newPipes()
				s := newTrusting(t, options{listen: in, config: proxy.Config{Dial: out.dial}})
				server := &http.Server{TLSConfig: &tls.Config{Certificates: []tls.Certificate{*s.servers.leaf("dp1")}}}
				go server.ServeTLS(out, "", "")
				t.Cleanup(func() { server.Close() })
				c, err := in.dial(t.Context(), "", "")
				s.must(err)
				c.Write([]byte("CONNECT dp1:443 HTTP/1.1\r\nHost: x\r\n\r\n"))
				c.Read(make([]byte, 1000))
				synctest.Wait()
				if got := s.counted("branchpoint_tls_connections_total", ""); got != 0 {
					t.Errorf("%v connections were counted before they had begun", got)
				}
				c.Write([]byte(tt.says))
				synctest.Wait()
				c.Close()
				<-time.After(time.Minute)
				all, decided := s.counted("branchpoint_tls_connections_total", ""), s.counted("branchpoint_tls_connections_total", tt.decision)
				if all != 1 || decided != 1 {
					t.Errorf("%v connections were counted, %v as %s", all, decided, tt.decision)
				}
				if got := s.counted("branchpoint_requests_total", tt.result); got != 1 {
					t.Errorf("%v requests were counted as %s", got, tt.result)
				}
			})
		})
	}
}
