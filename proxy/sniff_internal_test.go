package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSniffHTTP(t *testing.T) {
	long := "GET / HTTP/1.1\r\nHost: dp1\r\nX: " + strings.Repeat("x", maxHead)
	fits := long[:maxHead-4] + "\r\n\r\n"
	for _, tt := range []struct {
		name, said, want string
	}{
		{"GET", "GET /a?b HTTP/1.1\r\nHost: dp1\r\n\r\n", "dp1"},
		{"with its body", "POST / HTTP/1.1\r\nHost: DP1:8530\r\nContent-Length: 4\r\n\r\n\x00\n\r\n", "dp1:8530"},
		{"HTTP/1.0 with a host", "GET / HTTP/1.0\r\nhOsT: \t dp1 \r\n\r\n", "dp1"},
		{"DAV", "PROPFIND /SMS_DP_SMSPKG$/x HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", "[2001:db8::1]:80"},
		{"a target as BITS has it", "GET /SMS_DP_SMSPKG$/x/sccm?/a;b&c+100%.exe HTTP/1.1\r\nHost: dp1\r\n\r\n", "dp1"},
		{"the longest", fits, "dp1"},

		{"too long", long + "\r\n\r\n", ""},
		{"no host", "GET / HTTP/1.1\r\nA: b\r\n\r\n", ""},
		{"an empty host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", ""},
		{"two hosts", "GET / HTTP/1.1\r\nHost: dp1\r\nHost: dp1\r\n\r\n", ""},
		{"a folded line", "GET / HTTP/1.1\r\nHost: dp1\r\n x\r\n\r\n", ""},
		{"a blank before the colon", "GET / HTTP/1.1\r\nHost : dp1\r\n\r\n", ""},
		{"a bare line feed", "GET / HTTP/1.1\nHost: dp1\r\n\r\n", ""},
		{"a bare carriage return", "GET / HTTP/1.1\r\nHost: dp1\rX: y\r\n\r\n", ""},
		{"no colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", ""},
		{"an empty line first", "\r\nGET / HTTP/1.1\r\nHost: dp1\r\n\r\n", ""},
		{"absolute", "GET http://dp1/ HTTP/1.1\r\nHost: dp1\r\n\r\n", ""},
		{"a star", "OPTIONS * HTTP/1.1\r\nHost: dp1\r\n\r\n", ""},
		{"a tunnel", "CONNECT dp1:443 HTTP/1.1\r\nHost: dp1:443\r\n\r\n", ""},
		{"a target that net/http refuses", "GET /%zz HTTP/1.1\r\nHost: dp1\r\n\r\n", ""},
		{"a blank in the target", "GET /a b HTTP/1.1\r\nHost: dp1\r\n\r\n", ""},
		{"another version", "GET / HTTP/1.2\r\nHost: dp1\r\n\r\n", ""},
		{"HTTP/0.9", "GET /\r\n", ""},
		{"HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""},
		{"a change of protocol", "GET / HTTP/1.1\r\nHost: dp1\r\nUpgrade: websocket\r\n\r\n", ""},
		{"SSH", "SSH-2.0-OpenSSH_9.2\r\n", ""},
		{"junk", "\x00\x01\x02", ""},
		{"junk later", "GET / HTTP/1.1\r\nHo\x00", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := opening{}
			if tt.want != "" {
				want = opening{protocolHTTP, tt.want}
			}
			if o, need := sniff([]byte(tt.said)); o != want || need != 0 {
				t.Errorf("got %+v and needs %d, want %+v", o, need, want)
			}
		})
	}
}

// FuzzSniff: what is read of a connection says the same however it arrives, and the same as crypto/tls and net/http read.
func FuzzSniff(f *testing.F) {
	f.Add(clientHello(&tls.Config{ServerName: "dp1.example.com", NextProtos: []string{"h2", "http/1.1"}}))
	f.Add(records(helloOf(0x0303, tlsExtension(0x1a1a), serverName("dp1"), tlsExtension(extensionVersions, block(1, 3, 4, 3, 3)...)), 7))
	f.Add(records(helloOf(0x0303, tlsExtension(extensionProtocols, block(2, block(1, []byte("http/1.1")...)...)...), serverName("a", "b")), 99))
	f.Add([]byte("GET /a?b HTTP/1.1\r\nHost: dp1:80\r\nA: b\r\n\r\nbody"))
	f.Add([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	f.Add([]byte("SSH-2.0-x\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		whole, left := sniff(said)
		for n := 0; ; {
			o, need := sniff(said[:n])
			if need == 0 {
				if o != whole || left != 0 {
					t.Fatalf("%q says %+v after %d bytes, %+v (needs %d) at the end", said, o, n, whole, left)
				}
				break
			}
			if need <= n || need > maxHead || o != (opening{}) {
				t.Fatalf("%q after %d bytes: needs %d and says %+v", said, n, need, o)
			}
			if n = need; n > len(said) {
				break
			}
		}
		if whole.protocol == protocolOther && whole.host != "" || whole.protocol == protocolHTTP && whole.host == "" {
			t.Fatalf("%q says %+v", said, whole)
		}
		switch whole.protocol {
		case protocolHTTP:
			r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(said)))
			if err != nil || strings.ToLower(r.Host) != whole.host || r.URL.IsAbs() {
				t.Errorf("%q says %+v, net/http reads %+v (%v)", said, whole, r, err)
			}
		case protocolTLS:
			if info := seenByServer(said); info != nil && (strings.ToLower(info.ServerName) != whole.host || !answerableInfo(info)) {
				t.Errorf("% x says %+v, crypto/tls reads %+v", said, whole, info)
			}
		default:
			message, _ := helloMessage(said)
			if info := seenByServer(said); message != nil && info != nil && answerableInfo(info) {
				t.Errorf("% x says nothing, crypto/tls reads %+v", said, info)
			}
		}
	})
}

// TestReadOpening: the bytes may come one by one, late or not at all.
func TestReadOpening(t *testing.T) {
	hello := clientHello(&tls.Config{ServerName: "dp1"})
	head := "GET / HTTP/1.1\r\nHost: dp1\r\n\r\n"
	for _, tt := range []struct {
		name  string
		said  string
		then  error // after what was said; nil: silence
		want  opening
		after time.Duration
	}{
		{"TLS", string(hello), nil, opening{protocolTLS, "dp1"}, 0},
		{"HTTP", head + "body", nil, opening{protocolHTTP, "dp1"}, 0},
		{"silence", "", nil, opening{}, headerTimeout},
		{"half a hello", string(hello[:100]), nil, opening{}, headerTimeout},
		{"half a head", head[:20], nil, opening{}, headerTimeout},
		{"SSH", "SSH-2.0-x\r\n", nil, opening{}, 0},
		{"half a head and no more", head[:20], io.EOF, opening{}, 0},
		{"no word", "", io.EOF, opening{}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				defer client.Close()
				defer server.Close()
				go func() {
					for _, b := range []byte(tt.said) {
						if _, err := client.Write([]byte{b}); err != nil {
							return
						}
					}
					if tt.then != nil {
						client.Close()
					}
				}()
				begin := time.Now()
				server.SetReadDeadline(begin.Add(headerTimeout))
				o, early, err := readOpening(server)
				if o != tt.want || err != nil || time.Since(begin) != tt.after || !strings.HasPrefix(tt.said, string(early)) {
					t.Errorf("got %+v, %v after %v and %q; want %+v after %v", o, err, time.Since(begin), early, tt.want, tt.after)
				}
				if tt.after > 0 && string(early) != tt.said {
					t.Errorf("%q was read of %q", early, tt.said)
				}
			})
		})
	}
	server, client := net.Pipe()
	client.Close()
	server.Close()
	if _, _, err := readOpening(server); err == nil {
		t.Error("a connection that is gone has an opening")
	}
}
