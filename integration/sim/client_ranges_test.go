package sim

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestBITSRanges(t *testing.T) {
	l := newTestLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	url := d.Location(VdirPlain, testPackage) + "/sccm?/setup.exe"
	size := mustFile(t, l, testPackage, "setup.exe").Size
	b := newBITS(t, l, nil)
	good := map[string][]Range{
		"one":                {{5, 10}},
		"adjacent":           {{0, 10}, {10, 10}, {20, 300_000}},
		"any order, to end":  {{1 << 20, 70_000}, {5, 1}, {2 << 20, -1}},
		"touches both ends":  {{0, 1}, {size - 1, 1}},
		"a hundred of bytes": slices.Repeat([]Range{}, 0),
	}
	for i := range int64(100) {
		good["a hundred of bytes"] = append(good["a hundred of bytes"], Range{i * 1000, 1})
	}
	for name, ranges := range good {
		if r := b.DownloadRanges(t.Context(), url, ranges...); r.Err != nil || r.File == nil {
			t.Errorf("%s: %v", name, r.Err)
		}
	}
	bad := map[string][]Range{"none": {}, "overlap": {{0, 10}, {9, 5}}, "past the end": {{size, 1}}, "negative": {{-1, 5}}}
	for name, ranges := range bad {
		if r := b.DownloadRanges(t.Context(), url, ranges...); r.Err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestBITSRangesRefusesBadMultipart(t *testing.T) {
	l := NewLibrary()
	publish(t, l, testPackage, FileSpec{Path: "a", Data: []byte("0123456789")})
	part := func(cr, body string) string {
		return "--b\r\nContent-Type: x/y\r\nContent-Range: bytes " + cr + "/10\r\n\r\n" + body + "\r\n"
	}
	tests := map[string]struct {
		body string
		ok   bool
	}{
		"right":                 {part("0-1", "01") + part("4-5", "45") + "--b--\r\n", true},
		"two empty lines":       {"\r\n\r\n" + part("0-1", "01") + part("4-5", "45") + "--b--\r\n", true},
		"three empty lines":     {"\r\n\r\n\r\n" + part("0-1", "01") + part("4-5", "45") + "--b--\r\n", false},
		"180 bytes more":        {strings.Replace(part("0-1", "01"), "\r\n\r\n", "\r\nX: "+strings.Repeat("x", 175)+"\r\n\r\n", 1) + part("4-5", "45") + "--b--\r\n", true},
		"181 bytes more":        {strings.Replace(part("0-1", "01"), "\r\n\r\n", "\r\nX: "+strings.Repeat("x", 176)+"\r\n\r\n", 1) + part("4-5", "45") + "--b--\r\n", false},
		"joined":                {part("0-5", "012345") + "--b--\r\n", false},
		"other order":           {part("4-5", "45") + part("0-1", "01") + "--b--\r\n", false},
		"preamble":              {"hello\r\n" + part("0-1", "01") + part("4-5", "45") + "--b--\r\n", false},
		"wrong byte":            {part("0-1", "0x") + part("4-5", "45") + "--b--\r\n", false},
		"no last boundary":      {part("0-1", "01") + part("4-5", "45"), false},
		"part without range":    {"--b\r\nContent-Type: x/y\r\n\r\n01\r\n" + part("4-5", "45") + "--b--\r\n", false},
		"bare line feed":        {"--b\n" + part("0-1", "01")[5:] + part("4-5", "45") + "--b--\r\n", false},
		"another total":         {strings.Replace(part("0-1", "01"), "/10", "/11", 1) + part("4-5", "45") + "--b--\r\n", false},
		"cut inside of a part":  {part("0-1", "01") + part("4-5", "4")[:45], false},
		"only the last is left": {part("4-5", "45") + "--b--\r\n", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			url := scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
				fmt.Sprintf("HTTP/1.1 206 OK\r\nContent-Type: multipart/byteranges; boundary=b\r\nContent-Length: %d\r\n\r\n%s",
					len(tt.body), tt.body))
			r := newBITS(t, l, nil).DownloadRanges(t.Context(), url+"/SMS_DP_SMSPKG$/PS100015/a", Range{0, 2}, Range{4, 2})
			if (r.Err == nil) != tt.ok {
				t.Errorf("got %v", r.Err)
			}
		})
	}
}

// scripted is a server that answers the requests of one connection with fixed texts.
func scripted(t *testing.T, answers ...string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // the test is over then
		in := bufio.NewReader(conn)
		for _, answer := range answers {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	return "http://" + ln.Addr().String()
}
