package sim

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestDemandAfterRequest: the handshake asks for nothing; the request does, by a record that crypto/tls accepts as the
// server's, on a fresh connection and on one that has served before.
func TestDemandAfterRequest(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	d := newTestDP(t, DPConfig{HTTPSAddr: "127.0.0.1:0", CA: ca, Demand: DemandAfterRequest, Library: newSmallLibrary(t),
		Access: map[Vdir]Access{VdirPlain: AccessAnonymous, VdirNoCert: AccessCertificate}})
	const guarded = "/NOCERT_SMS_DP_SMSPKG$/PS100015/setup.exe"
	for _, before := range []int{0, 1, 3} {
		asked := false
		conn, err := tls.Dial("tcp", d.Address("https"), &tls.Config{
			RootCAs: ca.Pool(),
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				asked = true
				return &tls.Certificate{}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		for range before {
			if n, err := askOn(conn, in, "/SMS_DP_SMSPKG$/PS100015/setup.exe"); n != 1<<20+5 || err != nil {
				t.Errorf("a directory that wants none: %d bytes, %v", n, err)
			}
		}
		var local *net.OpError
		if _, err := askOn(conn, in, guarded); !errors.As(err, &local) || !strings.Contains(err.Error(), "tls: no renegotiation") || asked {
			t.Errorf("after %d requests: %v, asked in the handshake %v", before, err, asked)
		}
		if v := conn.ConnectionState().Version; v != tls.VersionTLS12 {
			t.Errorf("it speaks %s", tls.VersionName(v))
		}
		_ = conn.Close()
	}
	plain, err := NewPlain(ClientConfig{Library: d.config.Library, RootCAs: ca.Pool()})
	if err != nil {
		t.Fatal(err)
	}
	if r := plain.Get(t.Context(), d.URL("https")+guarded); r.Err == nil {
		t.Error("our own client is let in")
	}
}

// askOn sends a request and reads the answer to its end.
func askOn(conn net.Conn, in *bufio.Reader, target string) (int64, error) {
	if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: dp\r\n\r\n"); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, resp.Body)
}

func TestDemandWithoutAHandshake(t *testing.T) {
	l := &lateDemand{}
	l.see([]byte{22, 3, 3})
	l.see([]byte{22, 3, 3, 0, 9, 1})
	if _, err := l.helloRequest(); err == nil {
		t.Error("a record is made of nothing")
	}
}

func FuzzLateDemand(f *testing.F) {
	f.Add([]byte{22, 3, 3, 0, 1, 0, 20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 0}, "CLIENT_RANDOM 00 00\n")
	f.Fuzz(func(t *testing.T, sent []byte, keys string) {
		l := &lateDemand{}
		l.see(sent)
		_, _ = l.Write([]byte(keys))
		if record, err := l.helloRequest(); err == nil && len(record) != 5+8+4+16 {
			t.Errorf("a record of %d bytes", len(record))
		}
	})
}
