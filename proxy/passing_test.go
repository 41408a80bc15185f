package proxy_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"branchpoint/proxy"
)

// talker is a client on one connection.
type talker interface {
	say(format string, args ...any)
	answer(method string) answer
	reader() *bufio.Reader
}

func (c *raw) say(format string, args ...any)     { c.send(format, args...) }
func (in *inside) say(format string, args ...any) { in.send(format, args...) }
func (c *raw) reader() *bufio.Reader              { return c.r }
func (in *inside) reader() *bufio.Reader          { return in.r }

// passingWays are the ways in, with a server of the site behind each.
var passingWays = []struct {
	name, host string
	prefix     string // of a target
	begin      func(testing.TB, *witness, http.Handler) (*site, talker)
}{
	{"forward", "mp1:80", "http://MP1", func(t testing.TB, w *witness, h http.Handler) (*site, talker) {
		s := newSite(t, options{config: proxy.Config{Reader: w, SiteHosts: []string{"Mp1:80"}}})
		s.start("mp1:80", h)
		return s, s.raw()
	}},
	{"intercepted", "cmg.in:443", "", func(t testing.TB, w *witness, h http.Handler) (*site, talker) {
		s := newTrusting(t, options{config: proxy.Config{Reader: w, SiteHosts: []string{"cmg.in:443"}}})
		s.startTLS("cmg.in:443", h, nil)
		return s.site, s.seenInto("CMG.in:443")
	}},
	{"gateway", "mp1:8080", "", func(t testing.TB, w *witness, h http.Handler) (*site, talker) {
		s := newGateway(t, "http://mp1:8080", false, func(c *proxy.Config) { c.Reader, c.SiteHosts = w, []string{"mp1:8080"} })
		s.start("mp1:8080", h)
		return s.site, s.raw()
	}},
	{"gateway with TLS", "mp1:443", "", func(t testing.TB, w *witness, h http.Handler) (*site, talker) {
		s := newGateway(t, "https://mp1", true, func(c *proxy.Config) { c.Reader, c.SiteHosts = w, []string{"mp1:443"} })
		s.startTLS("mp1:443", h, nil)
		return s.site, s.direct()
	}},
}

// TestReadInPassing: by every way in the reader is shown what client and server said, and neither of them notices. A list in plain
// HTTP is none of the site's.
func TestReadInPassing(t *testing.T) {
	const directory = "/CCM_Proxy_MutualAuth/72057594037927941/ccm_system_TokenAuth/request?a=%zz"
	for _, way := range passingWays {
		t.Run(way.name, func(t *testing.T) {
			w := newWitness()
			server := &siteServer{parts: parts()}
			s, client := way.begin(t, w, server)
			host := strings.TrimSuffix(way.host, ":443")
			question := "--x\r\n\x00\xff where?"
			client.say(request, way.prefix+directory, host, len(question), question)
			wantBody(t, client.answer("CCM_POST"), []byte(strings.Join(server.parts, "")))
			client.say("GET %s%s HTTP/1.1\r\nHost: %s\r\n\r\n", way.prefix, cloudList, host)
			wantBody(t, client.answer("GET"), []byte(strings.Join(server.parts, "")))
			server.wantAsked(t, "CCM_POST "+directory+" "+question, "GET "+cloudList+" ")
			secure, kinds := strings.HasSuffix(way.host, ":443"), map[string]float64{"message": 1, "list": 0}
			message := w.next(t)
			if message.target != "" || message.Host != way.host || message.Secure != secure || message.RequestType != messageType ||
				message.AnswerType != messageType || string(message.Request) != question || string(message.Answer) != strings.Join(server.parts, "") {
				t.Errorf("the message that was shown is of %s, %q, %d bytes: %q", message.Host, message.AnswerType, len(message.Answer), message.Request)
			}
			if secure {
				kinds["list"] = 1
				if list := w.next(t); list.target != cloudList || list.Host != way.host || string(list.Answer) != strings.Join(server.parts, "") {
					t.Errorf("the list that was shown is of %s, %s, %d bytes", list.Host, list.target, len(list.Answer))
				}
			}
			for kind, want := range kinds {
				if got := s.counted("branchpoint_site_exchanges_total", kind); got != want {
					t.Errorf("%v of kind %s were counted", got, kind)
				}
			}
		})
	}
}

// TestPassesAtOnce: the client has each part of an answer before the server sends the next one.
func TestPassesAtOnce(t *testing.T) {
	for _, way := range passingWays {
		t.Run(way.name, func(t *testing.T) {
			w := newWitness()
			server := &siteServer{parts: parts(), seen: make(chan bool)}
			_, client := way.begin(t, w, server)
			client.say(request, way.prefix+"/ccm_system/request", strings.TrimSuffix(way.host, ":443"), 1, "?")
			resp, err := http.ReadResponse(client.reader(), nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, part := range server.parts {
				if i > 0 {
					server.seen <- true
				}
				got := make([]byte, len(part))
				if n, err := io.ReadFull(resp.Body, got); err != nil || string(got) != part {
					t.Fatalf("part %d is not as it was sent: %v after %d bytes", i, err, n)
				}
			}
			if n, err := resp.Body.Read(make([]byte, 1)); n > 0 || err != io.EOF {
				t.Errorf("%d bytes more, %v", n, err)
			}
			w.next(t)
		})
	}
}

// TestWhoseAnswer: only a client of a listener for this machine alone shares its tokens with us.
func TestWhoseAnswer(t *testing.T) {
	for _, l := range []proxy.Listener{
		{Entitlement: proxy.Machine}, {Entitlement: proxy.Origin}, {Entitlement: proxy.Network, Networks: loopback},
	} {
		w := newWitness()
		s := newSite(t, options{listener: l, config: proxy.Config{Reader: w, SiteHosts: []string{"mp1:80"}}})
		s.start("mp1:80", &siteServer{parts: parts()})
		c := s.raw().send(request, "http://mp1/ccm_system/request", "mp1", 1, "?")
		wantStatus(t, c.answer("CCM_POST"), 200)
		if own := w.next(t).Own; own != (l.Entitlement == proxy.Machine) {
			t.Errorf("%s: it is our own: %v", l.Entitlement, own)
		}
	}
}

// TestReloadOfSite: who belongs to the site is settled anew for the next request.
func TestReloadOfSite(t *testing.T) {
	w := newWitness()
	s := newSite(t, options{config: proxy.Config{Reader: w}})
	s.start("mp1:80", &siteServer{parts: parts()})
	c := s.raw()
	for i, hosts := range [][]string{nil, {"mp1:80"}, {"mp2:80"}, {"mp2:80", "MP1:80"}} {
		s.reload(proxy.Config{SiteHosts: hosts})
		c.send(request, "http://mp1/ccm_system/request", "mp1", 1, fmt.Sprint(i))
		wantStatus(t, c.answer("CCM_POST"), 200)
	}
	for _, want := range []string{"1", "3"} {
		if got := string(w.next(t).Request); got != want {
			t.Errorf("request %s was shown, want %s", got, want)
		}
	}
	for _, bad := range []string{"mp1", "http://mp1", ":80", "mp1:", "[::1]"} {
		if _, err := s.proxy.Prepare(proxy.Config{SiteHosts: []string{bad}}); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
