package sim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func newBITS(t testing.TB, l *Library, change func(*BITSConfig)) *BITS {
	t.Helper()
	c := BITSConfig{ClientConfig: ClientConfig{Library: l}, RetryDelay: time.Millisecond}
	if change != nil {
		change(&c)
	}
	b, err := NewBITS(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBITSDownloads(t *testing.T) {
	l := newTestLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	setup := mustFile(t, l, testPackage, "setup.exe")
	tests := []struct {
		name     string
		path     string
		change   func(*BITSConfig)
		requests int
		conns    int
	}{
		{"blocks of 256 KiB", "setup.exe", nil, 1 + 13, 1},
		{"small blocks", "sub/deep/a+b&c;d=e.exe", func(c *BITSConfig) { c.BlockSize = 100 }, 1 + 10, 1},
		{"whole file in a range", "setup.exe", func(c *BITSConfig) { c.BlockSize = WholeFile }, 2, 1},
		{"no range", "setup.exe", func(c *BITSConfig) { c.BlockSize = NoRange }, 2, 1},
		{"empty file", "empty.dat", nil, 1, 1},
		{"suspended twice", "setup.exe", func(c *BITSConfig) { c.SuspendEvery = 1_200_000; c.BlockSize = WholeFile }, 2 + 2, 1 + 2},
		{"offers BranchCache", "setup.exe", func(c *BITSConfig) { c.PeerDist = true }, 1 + 13, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mustFile(t, l, testPackage, tt.path)
			r := newBITS(t, l, tt.change).Download(t.Context(), sccmURL(d.Location(VdirPlain, testPackage), tt.path))
			if r.Err != nil || r.File != f {
				t.Fatalf("%v, file %v, troubles %v", r.Err, r.File, r.Troubles)
			}
			if r.Bytes != f.Size || r.Requests != tt.requests || r.Connections != tt.conns || r.Retries != 0 {
				t.Errorf("%d bytes, %d requests, %d connections, %d retries", r.Bytes, r.Requests, r.Connections, r.Retries)
			}
			if f.Size > 0 && (r.FirstByte <= 0 || r.FirstByte > r.Took) {
				t.Errorf("first byte after %v of %v", r.FirstByte, r.Took)
			}
		})
	}
	if got := d.Counters().BytesOf()[setup.Key()]; got < 5*setup.Size {
		t.Errorf("the DP counted %d bytes", got)
	}
}

func TestBITSSurvives(t *testing.T) {
	l := newTestLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	f := mustFile(t, l, testPackage, "setup.exe")
	url := d.Location(VdirPlain, testPackage) + "/sccm?/setup.exe"
	tests := map[string]Fault{
		"short body": {Kind: FaultShortBody, Offset: 1_000_000, Count: 1},
		"reset":      {Kind: FaultReset, Offset: 2_000_000, Count: 1},
		"503":        {Kind: FaultStatus, Count: 3},
		"500":        {Kind: FaultStatus, Status: 500, Methods: []string{"HEAD"}, Count: 1},
		"408":        {Kind: FaultStatus, Status: 408, Count: 1},
		"closing":    {Kind: FaultClose},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			defer d.Faults.Clear()
			in := inject(t, d, fault)
			r := newBITS(t, l, nil).Download(t.Context(), url)
			if r.Err != nil || r.File != f || in.Strikes() == 0 || fault.Kind != FaultClose && r.Retries == 0 {
				t.Errorf("%v, file %v, %d strikes, %d retries", r.Err, r.File, in.Strikes(), r.Retries)
			}
		})
	}
}

func TestBITSGivesUp(t *testing.T) {
	l := newTestLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	url := d.Location(VdirPlain, testPackage) + "/sccm?/setup.exe"
	tests := map[string]struct {
		fault Fault
		code  uint32 // 0: wrong bytes
	}{
		"404":              {Fault{Kind: FaultStatus, Status: 404}, 0x80190194},
		"403":              {Fault{Kind: FaultStatus, Status: 403}, 0x80190193},
		"501":              {Fault{Kind: FaultStatus, Status: 501}, 0x801901f5},
		"200 to a range":   {Fault{Kind: FaultRangeIgnored}, bitsInsufficientRange},
		"no content range": {Fault{Kind: FaultNoContentRange}, bitsInsufficientRange},
		"wrong start":      {Fault{Kind: FaultWrongStart}, bitsInvalidResponse},
		"coding":           {Fault{Kind: FaultEncoding}, bitsInvalidResponse},
		"one wrong byte":   {Fault{Kind: FaultCorrupt, Offset: 1_234_567}, 0},
		"wrong size":       {Fault{Kind: FaultWrongSize}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			defer d.Faults.Clear()
			inject(t, d, tt.fault)
			r := newBITS(t, l, nil).Download(t.Context(), url)
			var code *BITSError
			if tt.code != 0 && (!errors.As(r.Err, &code) || code.HRESULT != tt.code) {
				t.Errorf("got %v, want 0x%x", r.Err, tt.code)
			}
			if tt.code == 0 && !errors.Is(r.Err, errWrongBytes) || r.File != nil {
				t.Errorf("got %v, file %v, want wrong bytes", r.Err, r.File)
			}
		})
	}
}

func TestBITSRestartsWhenThePackageIsUpdated(t *testing.T) {
	l := newTestLibrary(t)
	d := newTestDP(t, DPConfig{Library: l})
	once := false
	b := newBITS(t, l, func(c *BITSConfig) {
		c.Progress = func(int) {
			if !once {
				once = true
				publish(t, l, testPackage, FileSpec{Path: "setup.exe", Size: 3<<20 + 17})
			}
		}
	})
	r := b.Download(t.Context(), d.Location(VdirPlain, testPackage)+"/sccm?/setup.exe")
	if r.Err != nil || r.File == nil || r.File.Version != 2 || r.Restarts != 1 {
		t.Errorf("%v, file %v, %d restarts", r.Err, r.File, r.Restarts)
	}
}

// TestBITSWaitsTenMinutes shows that the retry delay runs on a clock that tests can turn.
func TestBITSWaitsTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLibrary(t)
		b := newBITS(t, l, func(c *BITSConfig) { c.RetryDelay, c.MaxRetries = 0, 2 })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		started := time.Now()
		r := b.Download(ctx, "http://127.0.0.1:1/SMS_DP_SMSPKG$/PS100015/sccm?/setup.exe")
		if took := time.Since(started); r.Err == nil || r.Retries != 2 || took < 20*time.Minute || took > 21*time.Minute {
			t.Errorf("%v after %v, %d retries", r.Err, took, r.Retries)
		}
	})
}

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

// TestRequestsOnTheWire compares the bytes of BITS requests with those of the public capture.
func TestRequestsOnTheWire(t *testing.T) {
	l := NewLibrary()
	publish(t, l, testPackage, FileSpec{Path: "a;b +%.exe", Data: []byte("0123456789")})
	for _, proxied := range []bool{false, true} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan string, 1)
		go func() {
			var text strings.Builder
			defer func() { got <- text.String() }()
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close() //nolint:errcheck // the test is over then
			in := bufio.NewReader(io.TeeReader(conn, &text))
			for _, answer := range []string{
				"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nLast-Modified: Wed, 25 Nov 2020 16:46:48 GMT\r\n\r\n",
				"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
			} {
				if _, err := http.ReadRequest(in); err != nil {
					return
				}
				if _, err := io.WriteString(conn, answer); err != nil {
					return
				}
			}
		}()
		host, connection, base := ln.Addr().String(), "Connection", ""
		b := newBITS(t, l, func(c *BITSConfig) {
			c.Token, c.TokenHeader, c.TokenFormat = NewSecret("tok"), "X-Token", "T {token}"
			if proxied {
				c.Proxy = &url.URL{Scheme: "http", Host: host}
				host, connection, base = "dp.invalid:8080", "Proxy-Connection", "http://dp.invalid:8080"
			}
		})
		target := "/SMS_DP_SMSPKG$/PS100015/sccm?/a;b%20+%25.exe"
		if r := b.Download(t.Context(), "http://"+host+target); r.Err == nil {
			t.Error("a 404 passes")
		}
		_ = ln.Close()
		want := "HEAD " + base + target + " HTTP/1.1\r\n" + connection + ": Keep-Alive\r\nAccept: */*\r\n" +
			"Accept-Encoding: identity\r\nUser-Agent: Microsoft BITS/7.8\r\nX-Token: T tok\r\nHost: " + host + "\r\n\r\n" +
			"GET " + base + target + " HTTP/1.1\r\n" + connection + ": Keep-Alive\r\nAccept: */*\r\n" +
			"Accept-Encoding: identity\r\nIf-Unmodified-Since: Wed, 25 Nov 2020 16:46:48 GMT\r\nRange: bytes=0-9\r\n" +
			"User-Agent: Microsoft BITS/7.8\r\nX-Token: T tok\r\nHost: " + host + "\r\n\r\n"
		if text := <-got; text != want {
			t.Errorf("proxied %v: sent\n%s\nwant\n%s", proxied, text, want)
		}
	}
}

// newProxy is a small forward proxy with CONNECT, for the clients' explicit-proxy mode.
func newProxy(t *testing.T) (proxy *url.URL, requests func() []string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 1000)
	tr := &http.Transport{DisableCompression: true}
	forward := &httputil.ReverseProxy{Transport: tr, Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.RawQuery = r.In.URL.RawQuery }}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Method + " " + r.RequestURI
		if r.Method != http.MethodConnect {
			forward.ServeHTTP(w, r)
			return
		}
		up, err := net.Dial("tcp", r.RequestURI)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer up.Close() //nolint:errcheck // a tunnel that ends, ends
		down, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer down.Close() //nolint:errcheck // a tunnel that ends, ends
		_, _ = io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(up, buffered); _ = up.Close() }()
		_, _ = io.Copy(down, up)
	})}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close(); tr.CloseIdleConnections() })
	return &url.URL{Scheme: "http", Host: ln.Addr().String()}, func() []string {
		var list []string
		for len(seen) > 0 {
			list = append(list, <-seen)
		}
		return list
	}
}
