package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
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
		want string // empty: protocolOther; "-": TLS that names no server
	}{
		{"crypto/tls", real, "dp1.example.com"},
		{"TLS 1.2 only", clientHello(&tls.Config{ServerName: "dp1.example.com", MaxVersion: tls.VersionTLS12}), "dp1.example.com"},
		{"capitals", plain, "dp1.example.com"},
		{"one byte a record", records(helloOf(0x0303, named), 1), "dp1.example.com"},
		{"GREASE around", records(helloOf(0x0303, grease, named, tlsExtension(0x2a2a, 0)), maxRecord), "dp1.example.com"},
		{"GREASE versions", records(helloOf(0x0303, named, tlsExtension(extensionVersions, block(1, 0x3a, 0x3a, 3, 4)...)), maxRecord), "dp1.example.com"},
		{"an outer ClientHello", records(helloOf(0x0303, serverName("outer.example"), ech), maxRecord), "outer.example"},
		{"bytes behind it", append(slices.Clone(plain), "early"...), "dp1.example.com"},
		{"a name of another kind", records(helloOf(0x0303, tlsExtension(extensionName, block(2, append([]byte{9}, block(2, 'x', '.')...)...)...)), maxRecord), "-"},
		{"a later version", records(helloOf(0x0304, named), maxRecord), "dp1.example.com"},

		{"no server name", clientHello(&tls.Config{InsecureSkipVerify: true}), "-"},
		{"no extensions", records(helloOf(0x0303), maxRecord), "-"},
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
				want = opening{protocolTLS, strings.TrimPrefix(tt.want, "-")}
			}
			if o, need := sniff(tt.said); o != want || need != 0 {
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
