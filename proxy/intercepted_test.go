package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
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
}
