package proxy_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestForwardExactly sends raw targets, and wants the destination to see the same bytes.
func TestForwardExactly(t *testing.T) {
	for _, target := range []string{
		"/SMS_MP/.sms_aut?MPLIST", "/", "/a?", "/a?b?c", "/SMS_DP_SMSPKG%24/PS100015/?x=1",
		"/SMS_DP_SMSPKG$/unknown/sccm?/a;b&c+d.exe", "/SMS_DP_SMSPKG$/unknown/sccm?/100%.exe", "//x//y", "/%2e%2E/b%20c",
		`/a"b<c>d|e^f{g}h\i`, "/Ä/ö", "/x#y?z#w", "//a|b", "/a;b=c,d!e'(f)*:@&=+$", "/%c3%a4%C3%A4",
	} {
		t.Run(target, func(t *testing.T) {
			s := newSite(t, options{})
			dp := newDP(0)
			s.start("mp:80", dp)
			dp.answerWith(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
			got := s.raw().send("GET http://mp%s HTTP/1.1\r\nHost: mp\r\n\r\n", target).answer("GET")
			wantBody(t, got, []byte("ok"))
			// A target that begins with two slashes may go out in absolute form.
			if saw := dp.requests()[0].target; strings.TrimPrefix(saw, "http://mp") != target {
				t.Errorf("the destination saw %q, want %q", saw, target)
			}
		})
	}
}

func TestForwardMethodsAndBodies(t *testing.T) {
	s := newSite(t, options{})
	dp := newDP(0)
	s.start("mp:80", dp)
	type got struct {
		body     []byte
		length   int64
		encoding string
	}
	saw := make(chan got, 1)
	dp.answerWith(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		saw <- got{body, r.ContentLength, strings.Join(r.TransferEncoding, ",")}
		w.WriteHeader(http.StatusMultiStatus)
		if r.Method != "HEAD" {
			w.Write(body)
		}
	})
	large := bytesOf(3, 300<<10)
	for _, method := range []string{"GET", "HEAD", "POST", "PROPFIND", "CCM_POST", "BITS_POST", "OPTIONS", "DELETE", "PUT", "X-UNKNOWN"} {
		for name, body := range map[string][]byte{"none": nil, "small": []byte("<propfind/>"), "large": large} {
			t.Run(method+" "+name, func(t *testing.T) {
				c := s.raw()
				c.send("%s http://mp/x HTTP/1.1\r\nHost: mp\r\nContent-Length: %d\r\n\r\n", method, len(body))
				c.Write(body)
				answer := c.answer(method)
				wantStatus(t, answer, http.StatusMultiStatus)
				g := <-saw
				if !bytes.Equal(g.body, body) || g.length != int64(len(body)) || g.encoding != "" {
					t.Errorf("the destination saw %d bytes, length %d, encoding %q, want %d", len(g.body), g.length, g.encoding, len(body))
				}
				if method != "HEAD" && !bytes.Equal(answer.body, body) {
					t.Errorf("%d bytes came back, want %d", len(answer.body), len(body))
				}
			})
		}
	}
}

// TestForwardHeaders compares what either side sent with what the other saw.
func TestForwardHeaders(t *testing.T) {
	s := newSite(t, options{})
	dp := newDP(0)
	s.start("mp:80", dp)
	dp.answerWith(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["X-Answer"], h["Via"] = []string{"1", "2"}, []string{"1.0 iis"}
		h["Connection"], h["X-Hop"], h["Keep-Alive"] = []string{"X-Hop"}, []string{"gone"}, []string{"timeout=5"}
		h["Proxy-Authenticate"], h["Upgrade"] = []string{"Basic"}, []string{"h2c"}
		h["Content-Type"], h["Date"] = nil, []string{"Mon, 06 May 2024 00:00:00 GMT"}
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "<html>")
	})
	got := s.raw().send("GET http://mp/x HTTP/1.1\r\nHost: other\r\nX-A: 1\r\nX-A: 2\r\nCookie: c\r\nAuthorization: Bearer t\r\n" +
		"Via: 1.1 before\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nProxy-Connection: Keep-Alive\r\n" +
		"Proxy-Authorization: Basic eA==\r\nKeep-Alive: 1\r\nTE: trailers\r\nUpgrade: websocket\r\nAccept-Encoding: identity\r\n\r\n").answer("GET")
	wantStatus(t, got, http.StatusTeapot)
	saw := dp.requests()[0]
	want := http.Header{"X-A": {"1", "2"}, "Cookie": {"c"}, "Authorization": {"Bearer t"}, "Via": {"1.1 before", "1.1 here"},
		"Accept-Encoding": {"identity"}}
	if !maps.EqualFunc(saw.header, want, slices.Equal) || saw.host != "mp" {
		t.Errorf("the destination %q saw\n%v, want\n%v", saw.host, saw.header, want)
	}
	want = http.Header{"X-Answer": {"1", "2"}, "Via": {"1.0 iis", "1.1 here"}, "Date": {"Mon, 06 May 2024 00:00:00 GMT"},
		"Content-Length": {"6"}}
	if !maps.EqualFunc(got.Header, want, slices.Equal) {
		t.Errorf("the client saw\n%v, want\n%v", got.Header, want)
	}
}

func TestForwardLeavesAnswersAlone(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write([]byte("hello"))
	z.Close()
	s := newSite(t, options{})
	dp := newDP(0)
	s.start("mp:80", dp)
	dp.answerWith(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zipped.Bytes())
		case "/redirect":
			http.Redirect(w, r, "http://elsewhere/x", http.StatusFound)
		case "/trailer":
			w.Header().Set("Trailer", "X-Sum")
			io.WriteString(w, "body")
			w.Header().Set("X-Sum", "42")
		case "/304":
			w.WriteHeader(http.StatusNotModified)
		case "/echo":
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, r.Trailer.Get("X-End"))
		}
	})
	c := s.client()
	got := s.ask(c, "GET", "http://mp/gzip", "Accept-Encoding: gzip")
	wantBody(t, got, zipped.Bytes())
	wantHeader(t, got.Header, "Content-Encoding", "gzip")
	got = s.ask(c, "GET", "http://mp/redirect")
	wantStatus(t, got, http.StatusFound)
	wantHeader(t, got.Header, "Location", "http://elsewhere/x")
	got = s.ask(c, "GET", "http://mp/trailer")
	wantBody(t, got, []byte("body"))
	wantHeader(t, got.Trailer, "X-Sum", "42")
	wantStatus(t, s.ask(c, "GET", "http://mp/304"), http.StatusNotModified)
	got = s.raw().send("POST http://mp/echo HTTP/1.1\r\nHost: mp\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n" +
		"3\r\nabc\r\n0\r\nX-End: over\r\n\r\n").answer("POST")
	wantBody(t, got, []byte("over"))
}

// TestForwardStreams: a body of unknown length arrives as it is sent, not when it is whole.
func TestForwardStreams(t *testing.T) {
	s := newSite(t, options{})
	next := make(chan bool)
	s.start("mp:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-next
		io.WriteString(w, "second")
	}))
	resp, err := s.client().Get("http://mp/x")
	s.must(err)
	defer resp.Body.Close()
	buf := make([]byte, 5)
	_, err = io.ReadFull(resp.Body, buf)
	s.must(err)
	close(next)
	rest, err := io.ReadAll(resp.Body)
	if string(buf)+string(rest) != "firstsecond" || err != nil {
		t.Errorf("got %q and %q (%v)", buf, rest, err)
	}
}

func TestForwardExpectContinue(t *testing.T) {
	s := newSite(t, options{})
	s.start("mp:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusExpectationFailed)
			return
		}
		io.Copy(w, r.Body)
	}))
	c := s.raw().send("POST http://mp/x HTTP/1.1\r\nHost: mp\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	if line, _ := c.r.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q", line)
	}
	c.r.ReadString('\n')
	wantBody(t, c.send("body").answer("POST"), []byte("body"))
	c = s.raw().send("POST http://mp/no HTTP/1.1\r\nHost: mp\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	wantStatus(t, c.answer("POST"), http.StatusExpectationFailed)
}
