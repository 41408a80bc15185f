package sim

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestOddTargetsOnARawSocket sends request lines that no HTTP library would.
func TestOddTargetsOnARawSocket(t *testing.T) {
	l := NewLibrary()
	publish(t, l, testPackage, FileSpec{Path: "100%.exe", Data: []byte("percent")}, FileSpec{Path: "a;b&c=d+e.exe", Data: []byte("query")},
		FileSpec{Path: "größe", Data: []byte("raw bytes")}, FileSpec{Path: "d/e#f", Data: []byte("hash")})
	d := newTestDP(t, DPConfig{Library: l})
	host := strings.TrimPrefix(d.URL("http"), "http://")
	tests := []struct {
		name, target string
		status       int
		body         string
	}{
		{"bare percent", "/SMS_DP_SMSPKG$/PS100015/sccm?/100%.exe", 200, "percent"},
		{"form characters", "/SMS_DP_SMSPKG$/PS100015/sccm?/a;b&c=d+e.exe", 200, "query"},
		{"not ASCII", "/SMS_DP_SMSPKG$/PS100015/sccm?/größe", 200, "raw bytes"},
		{"raw hash", "/SMS_DP_SMSPKG$/PS100015/sccm?/d/e#f", 200, "hash"},
		{"two slashes", "//SMS_DP_SMSPKG$//PS100015//d/e%23f", 404, ""},
		{"slashes inside", "/SMS_DP_SMSPKG$//PS100015//d/e%23f", 200, "hash"},
		{"absolute-form", "http://somewhere:81/sms_dp_smspkg%24/ps100015/D/E%23F", 200, "hash"},
		{"raw blank", "/SMS_DP_SMSPKG$/PS100015/sccm?/a b", 400, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", host)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close() //nolint:errcheck // read to its end
			if _, err := io.WriteString(conn, "GET "+tt.target+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || tt.status == 200 && string(body) != tt.body {
				t.Errorf("%d %q, %v", resp.StatusCode, body, err)
			}
		})
	}
}

// TestSignatureContainer reads the container as sccm-http-looter does: name at 0, size in octal at 124, records at 24.
func TestSignatureContainer(t *testing.T) {
	l := newSmallLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	_, data := mustRequest(t, newHTTPClient(t, nil), "GET", d.URL("http"), "/SMS_DP_SMSSIG$/PS100015.1.tar")
	for _, f := range l.Versions(testPackage)[0].Files() {
		header := data[:512]
		name, _, _ := strings.Cut(string(header[:100]), "\x00")
		var size int
		for _, c := range header[124:] {
			if c == 0 {
				break
			}
			size = size*8 + int(c-'0')
		}
		if name != strings.ReplaceAll(f.Path, "/", `\`) || string(header[257:264]) != "ustar  " || string(header[148:156]) != strings.Repeat("\x00", 8) {
			t.Fatalf("header of %q: %q", f.Path, header)
		}
		var sum int64
		for rec := data[512+24 : 512+size]; len(rec) > 0; rec = rec[18:] {
			length := int64(binary.LittleEndian.Uint16(rec[16:]))
			chunk := make([]byte, length)
			if _, err := f.ReadAt(chunk, sum); err != nil {
				t.Fatal(err)
			}
			if got := md4(chunk); string(got[:]) != string(rec[:16]) {
				t.Fatalf("%s: wrong MD4 at %d", f.Path, sum)
			}
			sum += length
		}
		if sum != f.Size {
			t.Errorf("%s: chunks of %d bytes, the file has %d", f.Path, sum, f.Size)
		}
		data = data[512+(size+511)&^511:]
	}
	if len(data) != 1024 {
		t.Errorf("%d bytes after the last member", len(data))
	}
}
