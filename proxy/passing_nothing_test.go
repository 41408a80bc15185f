package proxy_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"branchpoint/proxy"
)

// unread are exchanges from which nothing is learned, and as what they are counted.
var unread = []struct{ name, request, answer, result string }{
	{"cut", message("http://mp1/ccm_system/request", "?"), "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "cut"},
	{"cut between chunks", message("http://mp1/ccm_system/request", "?"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "cut"},
	{"a list in plain HTTP", "GET http://mp1" + cloudList + " HTTP/1.1\r\nHost: mp1\r\n\r\n", okay, ""},
	{"an end that may be a cut", message("http://mp1/ccm_system/request", "?"), "HTTP/1.1 200 OK\r\n\r\nhalf?", "cut"},
	{"no answer", message("http://mp1/ccm_system/request", "?"), "", ""},
	{"empty", message("http://mp1/ccm_system/request", "?"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
	{"empty and chunked", message("http://mp1/ccm_system/request", "?"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
	{"refused", message("http://mp1/ccm_system/request", "?"), "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno", ""},
	{"failed", message("http://mp1/ccm_system/request", "?"), "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", ""},
	{"a part of a list", "GET http://mp1" + cloudList + " HTTP/1.1\r\nHost: mp1\r\nRange: bytes=0-1\r\n\r\n", "HTTP/1.1 206 OK\r\nContent-Length: 2\r\nContent-Range: bytes 0-1/3\r\n\r\nab", ""},
	{"only hints", message("http://mp1/ccm_system/request", "?"), "HTTP/1.1 103 Hint\r\nContent-Type: x\r\n\r\nHTTP/1.1 204 OK\r\nConnection: close\r\n\r\n", ""},
	{"HEAD", "HEAD http://mp1" + cloudList + " HTTP/1.1\r\nHost: mp1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", ""},
	{"coded", message("http://mp1/ccm_system/request", "?"), "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz", "coded"},
	{"a coded request", strings.Replace(message("http://mp1/ccm_system/request", "?"), "Content-Type", "Content-Encoding: deflate\r\nX", 1), okay, "coded"},
	{"a long request", message("http://mp1/ccm_system/request", strings.Repeat("?", 1<<20+1)), okay, "long"},
	{"a long answer", message("http://mp1/ccm_system/request", "?"), "HTTP/1.1 200 OK\r\nContent-Length: 8388609\r\n\r\n" + strings.Repeat("!", 8<<20+1), "long"},
	{"a long answer of chunks", message("http://mp1/ccm_system/request", "?"), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n800001\r\n" + strings.Repeat("!", 8<<20+1) + "\r\n0\r\n\r\n", "long"},
	{"no question", message("http://mp1/ccm_system/request", ""), okay, ""},
	{"another host", message("http://mp2/ccm_system/request", "?"), okay, ""},
	{"another port", message("http://mp1:8080/ccm_system/request", "?"), okay, ""},
	{"a list of another host", "GET http://mp2" + cloudList + " HTTP/1.1\r\nHost: mp1\r\n\r\n", okay, ""},
	{"POST", strings.Replace(message("http://mp1/ccm_system/request", "?"), "CCM_POST", "POST", 1), okay, ""},
	{"not for messages", message("http://mp1/SMS_MP/request", "?"), okay, ""},
	{"an upload", message("http://mp1/CCM_Incoming/x", "?"), okay, ""},
}

const okay = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func message(target, body string) string {
	return fmt.Sprintf(request, target, "mp1", len(body), body)
}

// TestTeachesNothing: what is not a whole answer of the site is not shown, and passes all the same.
func TestTeachesNothing(t *testing.T) {
	w := newWitness()
	s := newSite(t, options{config: proxy.Config{Reader: w, SiteHosts: []string{"mp1:80"}}})
	answers := make(chan string, 1)
	for _, name := range []string{"mp1:80", "mp2:80", "mp1:8080"} {
		s.rawServer(name, func(c net.Conn) {
			length := lengthOf(head(c))
			io.CopyN(io.Discard, c, length)
			io.WriteString(c, strings.Replace(<-answers, "\r\n", "\r\nConnection: close\r\n", 1))
		})
	}
	for _, tt := range unread {
		t.Run(tt.name, func(t *testing.T) {
			before := s.counted("branchpoint_site_exchanges_total", "")
			answers <- tt.answer
			c := s.raw().send("%s", tt.request)
			method, _, _ := strings.Cut(tt.request, " ")
			got := c.answer(method)
			if broken := strings.HasPrefix(tt.answer, "HTTP/1.1 200") && strings.Contains(tt.answer, "half") && !strings.Contains(tt.answer, "half?"); (got.err != nil) != broken {
				t.Errorf("the client got %.200q, %v", got.body, got.err)
			}
			if got.err != nil { // when the connection has ended, the exchange has too
				io.Copy(io.Discard, c.r)
				c = s.raw()
			}
			answers <- okay
			wantStatus(t, c.send("%s", message("http://mp1/ccm_system/request", tt.name)).answer("CCM_POST"), 200)
			if next := w.next(t); string(next.Request) != tt.name {
				t.Errorf("the reader was shown %q, %.200q", next.Request, next.Answer)
			}
			counted := s.counted("branchpoint_site_exchanges_total", "") - before
			if counted != 1 && tt.result == "" || counted != 2 && tt.result != "" || s.counted("branchpoint_site_exchanges_total", tt.result) == 0 {
				t.Errorf("%v were counted, want it as %q", counted, tt.result)
			}
		})
	}
}

// lengthOf is what the head of a request says of its body.
func lengthOf(head string) (length int64) {
	for line := range strings.Lines(head) {
		fmt.Sscanf(line, "Content-Length: %d", &length)
	}
	return length
}

// TestCutRequest: a client that leaves in the middle of its message.
func TestCutRequest(t *testing.T) {
	w := newWitness()
	s := newSite(t, options{config: proxy.Config{Reader: w, SiteHosts: []string{"mp1:80"}}})
	came := make(chan bool, 10)
	s.start("mp1:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came <- true
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "ok")
	}))
	leaver := s.raw().send("CCM_POST http://mp1/ccm_system/request HTTP/1.1\r\nHost: mp1\r\nContent-Length: 10\r\n\r\nhalf")
	<-came
	leaver.CloseWrite()
	io.Copy(io.Discard, leaver.r)
	wantStatus(t, s.raw().send(request, "http://mp1/ccm_system/request", "mp1", 4, "last").answer("CCM_POST"), 200)
	if next := w.next(t); string(next.Request) != "last" {
		t.Errorf("the reader was shown %q", next.Request)
	}
}

// TestCodedPassesAsItIs: nothing is decoded on the way.
func TestCodedPassesAsItIs(t *testing.T) {
	var coded bytes.Buffer
	z := gzip.NewWriter(&coded)
	io.WriteString(z, strings.Join(parts(), ""))
	z.Close()
	s := newSite(t, options{config: proxy.Config{Reader: newWitness(), SiteHosts: []string{"mp1:80"}}})
	s.start("mp1:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(coded.Bytes())
	}))
	got := s.raw().send(request, "http://mp1/ccm_system/request", "mp1", 1, "?").answer("CCM_POST")
	wantBody(t, got, coded.Bytes())
	wantHeader(t, got.Header, "Content-Encoding", "gzip")
}

// TestReaderInTrouble: one that is slow, and one that panics at all it sees, hurt nobody.
func TestReaderInTrouble(t *testing.T) {
	t.Run("slow", func(t *testing.T) {
		w := newWitness()
		w.stall = make(chan bool)
		s := newSite(t, options{config: proxy.Config{Reader: w, SiteHosts: []string{"mp1:80"}}})
		s.start("mp1:80", &siteServer{parts: []string{"ok"}})
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				c := s.raw()
				for range 50 {
					if got := c.send(request, "http://mp1/ccm_system/request", "mp1", 1, "?").answer("CCM_POST"); string(got.body) != "ok" {
						t.Errorf("%d, %v", got.StatusCode, got.err)
					}
				}
			})
		}
		clients.Wait()
		if busy := s.counted("branchpoint_site_exchanges_total", "busy"); busy < 100 {
			t.Errorf("%v exchanges of 400 were not kept for the reader", busy)
		}
		close(w.stall)
		w.next(t)
	})
	t.Run("panics", func(t *testing.T) {
		w := newWitness()
		w.panic = true
		s := newSite(t, options{config: proxy.Config{Reader: w, SiteHosts: []string{"mp1:80"}}})
		s.start("mp1:80", &siteServer{parts: []string{canary}})
		c := s.raw()
		for range 3 {
			wantStatus(t, c.send(request, "http://mp1/ccm_system/request", "mp1", 1, "?").answer("CCM_POST"), 200)
			w.next(t)
		}
		s.stop()
		if got := s.count("branchpoint_request_panics_total"); got != 3 {
			t.Errorf("%v panics were counted, want 3", got)
		}
		if strings.Contains(s.log.String(), canary) {
			t.Error("what the reader panicked with is in the log")
		}
	})
}
