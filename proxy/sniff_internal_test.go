package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// recorder is a connection whose other side has said something and says no more. It keeps what is written to it.
type recorder struct {
	net.Conn
	said    *bytes.Reader
	written bytes.Buffer
}

func (r *recorder) Read(p []byte) (int, error)      { return r.said.Read(p) }
func (r *recorder) Write(p []byte) (int, error)     { return r.written.Write(p) }
func (r *recorder) Close() error                    { return nil }
func (r *recorder) SetDeadline(time.Time) error     { return nil }
func (r *recorder) SetReadDeadline(time.Time) error { return nil }

// clientHello returns what crypto/tls says first.
func clientHello(c *tls.Config) []byte {
	conn := &recorder{said: bytes.NewReader(nil)}
	tls.Client(conn, c).Handshake()
	return conn.written.Bytes()
}

// records makes TLS records of a handshake message, each of so many bytes at the most.
func records(message []byte, size int) (b []byte) {
	for part := range slices.Chunk(message, size) {
		b = append(b, recordHandshake, 3, 1, byte(len(part)>>8), byte(len(part)))
		b = append(b, part...)
	}
	return b
}

// block puts the length in front of bytes, a number of so many bytes.
func block(size int, b ...byte) []byte {
	var out []byte
	for i := size - 1; i >= 0; i-- {
		out = append(out, byte(len(b)>>(8*i)))
	}
	return append(out, b...)
}

func tlsExtension(kind int, body ...byte) []byte {
	return append([]byte{byte(kind >> 8), byte(kind)}, block(2, body...)...)
}

func serverName(names ...string) []byte {
	var list []byte
	for _, name := range names {
		list = append(list, append([]byte{nameOfHost}, block(2, []byte(name)...)...)...)
	}
	return tlsExtension(extensionName, block(2, list...)...)
}

// helloOf makes a ClientHello of a version, with the extensions given.
func helloOf(version int, extensions ...[]byte) []byte {
	body := append([]byte{byte(version >> 8), byte(version)}, make([]byte, 32)...)
	body = append(body, block(1)...)
	body = append(body, block(2, 0x0a, 0x0a, 0xc0, 0x2b)...) // a GREASE value (RFC 8701) before a real suite
	body = append(body, block(1, 0)...)
	if extensions != nil {
		body = append(body, block(2, slices.Concat(extensions...)...)...)
	}
	return append([]byte{messageClientHello}, block(3, body...)...)
}

func TestSniffTLS(t *testing.T) {
	named := serverName("Dp1.example.com")
	grease := tlsExtension(0x1a1a)
	plain := records(helloOf(0x0303, named), maxRecord)
	real := clientHello(&tls.Config{ServerName: "dp1.example.com", NextProtos: []string{"h2", "http/1.1"}})
	ech := tlsExtension(0xfe0d, append([]byte{0, 0, 1, 0, 1, 7}, append(block(2, make([]byte, 32)...), block(2, make([]byte, 144)...)...)...)...)
	changed := func(at int, b byte) []byte {
		c := slices.Clone(plain)
		c[at] = b
		return c
	}
	for _, tt := range []struct {
		name string
		said []byte
		want string // empty: protocolOther
	}{
		{"crypto/tls", real, "dp1.example.com"},
		{"TLS 1.2 only", clientHello(&tls.Config{ServerName: "dp1.example.com", MaxVersion: tls.VersionTLS12}), "dp1.example.com"},
		{"capitals", plain, "dp1.example.com"},
		{"one byte a record", records(helloOf(0x0303, named), 1), "dp1.example.com"},
		{"GREASE around", records(helloOf(0x0303, grease, named, tlsExtension(0x2a2a, 0)), maxRecord), "dp1.example.com"},
		{"GREASE versions", records(helloOf(0x0303, named, tlsExtension(extensionVersions, block(1, 0x3a, 0x3a, 3, 4)...)), maxRecord), "dp1.example.com"},
		{"an outer ClientHello", records(helloOf(0x0303, serverName("outer.example"), ech), maxRecord), "outer.example"},
		{"bytes behind it", append(slices.Clone(plain), "early"...), "dp1.example.com"},
		{"a name of another kind", records(helloOf(0x0303, tlsExtension(extensionName, block(2, append([]byte{9}, block(2, 'x', '.')...)...)...)), maxRecord), ""},
		{"a later version", records(helloOf(0x0304, named), maxRecord), "dp1.example.com"},

		{"no server name", clientHello(&tls.Config{InsecureSkipVerify: true}), ""},
		{"no extensions", records(helloOf(0x0303), maxRecord), ""},
		{"an empty name", records(helloOf(0x0303, serverName("")), maxRecord), ""},
		{"two names", records(helloOf(0x0303, serverName("a", "b")), maxRecord), ""},
		{"the extension twice", records(helloOf(0x0303, named, named), maxRecord), ""},
		{"a dot at the end", records(helloOf(0x0303, serverName("dp1.")), maxRecord), ""},
		{"HTTP/2 alone", clientHello(&tls.Config{ServerName: "dp1", NextProtos: []string{"h2"}}), ""},
		{"TLS 1.1", records(helloOf(0x0302, named), maxRecord), ""},
		{"TLS 1.1 by extension", records(helloOf(0x0303, named, tlsExtension(extensionVersions, block(1, 3, 2)...)), maxRecord), ""},
		{"SSL 2", []byte{0x80, 46, 1, 3, 3, 0, 21, 0, 0, 0, 16, 1, 2, 3}, ""},
		{"another record", changed(0, 23), ""},
		{"another version of records", changed(1, 2), ""},
		{"an empty record", append([]byte{recordHandshake, 3, 1, 0, 0}, plain...), ""},
		{"a record that is too long", []byte{recordHandshake, 3, 1, 0x40, 1}, ""},
		{"another message", changed(recordHeader, 2), ""},
		{"a message that is too long", changed(recordHeader+1, 1), ""},
		{"a message that is too short", changed(recordHeader+3, plain[recordHeader+3]-1), ""},
		{"more than 16 KiB", records(helloOf(0x0303, named, tlsExtension(21, make([]byte, maxHello-90)...)), 1000), ""},
		{"an extension too long", records(helloOf(0x0303, named, []byte{0, 99, 0, 1}), maxRecord), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := opening{}
			if tt.want != "" {
				want = opening{protocolTLS, tt.want}
			}
			if o, need := sniff(tt.said); o != want || need != 0 {
				t.Errorf("got %+v and needs %d, want %+v", o, need, want)
			}
		})
	}
}

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

// TestSniffAsServerDoes: however a hello is cut into records, we see the name that crypto/tls sees.
func TestSniffAsServerDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		config := &tls.Config{ServerName: strings.Repeat("a", 1+random.IntN(60)) + ".example"}
		config.MinVersion = uint16(tls.VersionTLS10 + random.IntN(4))
		config.MaxVersion = config.MinVersion + uint16(random.IntN(tls.VersionTLS13-int(config.MinVersion)+1))
		for _, p := range []string{"h2", "http/1.1", "x"} {
			if random.IntN(3) == 0 {
				config.NextProtos = append(config.NextProtos, p)
			}
		}
		message := clientHello(config)[recordHeader:]
		said := records(message, 1+random.IntN(len(message)))
		info := seenByServer(said)
		if info == nil {
			t.Fatalf("crypto/tls does not understand % x", said)
		}
		want := opening{}
		if answerableInfo(info) {
			want = opening{protocolTLS, config.ServerName}
		}
		if o, need := sniff(said); o != want || need != 0 {
			t.Errorf("%+v: got %+v and needs %d, want %+v", config, o, need, want)
		}
	}
}

// seenByServer returns what crypto/tls reads in a hello, nil when it does not understand it.
func seenByServer(said []byte) (info *tls.ClientHelloInfo) {
	tls.Server(&recorder{said: bytes.NewReader(said)}, &tls.Config{
		MinVersion: tls.VersionTLS10,
		GetConfigForClient: func(i *tls.ClientHelloInfo) (*tls.Config, error) {
			info = i
			return nil, errors.New("seen enough")
		},
	}).Handshake()
	return info
}

func answerableInfo(i *tls.ClientHelloInfo) bool {
	return (i.SupportedProtos == nil || slices.Contains(i.SupportedProtos, "http/1.1")) &&
		(slices.Contains(i.SupportedVersions, tls.VersionTLS12) || slices.Contains(i.SupportedVersions, tls.VersionTLS13))
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
		if (whole.protocol == protocolOther) != (whole.host == "") {
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
			if info := seenByServer(said); message != nil && info != nil && info.ServerName != "" && answerableInfo(info) {
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
