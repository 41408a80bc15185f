package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"branchpoint/cache"
)

var (
	strict     = destination{scheme: "https", host: "dp1:443", strict: true}
	gateway    = destination{scheme: "http", host: "dp1:8080"}
	six        = destination{scheme: "https", host: "[2001:db8::1]:443", strict: true}
	redirected = destination{scheme: "http", host: "10.0.0.1:80", named: func(name string) bool { return name == "dp1" || name == "DP1:80" }}
)

func TestLead(t *testing.T) {
	for _, tt := range []struct {
		name    string
		to      *destination
		request string // first line and Host
		url     string // where it leads, empty when refused
		status  int
		foreign bool
	}{
		{"the host", &strict, "GET /x?y|dp1", "https://dp1:443/x?y", 0, false},
		{"with its port", &strict, "GET /x|dp1:443", "https://dp1:443/x", 0, false},
		{"capitals", &strict, "GET /x|DP1", "https://dp1:443/x", 0, false},
		{"a dot at the end", &strict, "GET /x|dp1.", "https://dp1:443/x", 0, false},
		{"an empty port", &strict, "GET /x|dp1:", "https://dp1:443/x", 0, false},
		{"no host", &strict, "GET /x|", "https://dp1:443/x", 0, false},
		{"two slashes", &strict, "GET //evil/x|dp1", "https://dp1:443//evil/x", 0, false},
		{"an URL in the path", &strict, "GET /http://evil/x|dp1", "https://dp1:443/http://evil/x", 0, false},
		{"a star", &strict, "OPTIONS *|dp1", "https://dp1:443/*", 0, false},
		{"another host", &strict, "GET /x|evil", "", 421, false},
		{"another port", &strict, "GET /x|dp1:80", "", 421, false},
		{"a port of letters", &strict, "GET /x|dp1:https", "", 421, false},
		{"a longer name", &strict, "GET /x|dp1.evil", "", 421, false},
		{"a user", &strict, "GET /x|dp1@evil", "", 421, false},
		{"a slash", &strict, "GET /x|evil/dp1", "", 421, false},
		{"absolute", &strict, "GET https://DP1/x|dp1", "https://dp1:443/x", 0, false},
		{"absolute, another host", &strict, "GET https://evil/x|dp1", "", 421, false},
		{"absolute, another scheme", &strict, "GET http://dp1:443/x|dp1", "", 421, false},
		{"a tunnel", &strict, "CONNECT dp1:443|dp1:443", "", 405, false},
		{"IPv6", &six, "GET /|[2001:DB8::1]", "https://[2001:db8::1]:443/", 0, false},
		{"IPv6 with its port", &six, "GET /|[2001:db8::1]:443", "https://[2001:db8::1]:443/", 0, false},
		{"IPv6, another", &six, "GET /|[2001:db8::2]", "", 421, false},
		{"an alias", &gateway, "GET /x|alias", "http://dp1:8080/x", 0, false},
		{"an alias with any port", &gateway, "GET /x|alias:1", "http://dp1:8080/x", 0, false},
		{"through a gateway", &gateway, "GET http://dp1:8080/x|dp1:8080", "http://dp1:8080/x", 0, false},
		{"through a gateway to others", &gateway, "GET http://evil/x|dp1", "", 421, false},
		{"a tunnel through a gateway", &gateway, "CONNECT evil:443|dp1", "", 405, false},
		{"redirected, ours", &redirected, "GET /x|dp1", "http://dp1/x", 0, false},
		{"redirected, ours with a port", &redirected, "GET /x|DP1:80", "http://dp1:80/x", 0, false},
		{"redirected, foreign", &redirected, "GET /x|evil", "http://10.0.0.1:80/x", 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			line, host, _ := strings.Cut(tt.request, "|")
			r, err := http.ReadRequest(newReader(line + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			foreign, refused := tt.to.lead(r)
			switch {
			case refused != nil:
				if refused.status != tt.status {
					t.Errorf("refused with %d, want %d", refused.status, tt.status)
				}
			case tt.status != 0 || r.URL.String() != tt.url || foreign != tt.foreign:
				t.Errorf("leads to %q (foreign: %v), want %q (%v)", r.URL, foreign, tt.url, tt.foreign)
			}
		})
	}
}

// FuzzLead: a Host header never leads a strict connection elsewhere, and one that is let pass names the destination.
func FuzzLead(f *testing.F) {
	for _, name := range []string{"dp1", "DP1.:443", "[::1]", "evil", "a@dp1", "dp1:443:443", "\x00", "dp1\u212a"} {
		f.Add("/x", name)
	}
	f.Add("https://dp1/x", "dp1")
	f.Fuzz(func(t *testing.T, target, host string) {
		r, err := http.ReadRequest(newReader("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
		if err != nil {
			return
		}
		to := destination{scheme: "https", host: "dp1:443", strict: true}
		if _, refused := to.lead(r); refused != nil {
			return
		}
		if r.URL.Scheme != "https" || r.URL.Host != "dp1:443" {
			t.Errorf("%q with Host %q leads to %s", target, host, r.URL)
		}
		if name, _, _ := strings.Cut(strings.ToLower(r.Host), ":"); strings.TrimSuffix(name, ".") != "dp1" && r.Host != "" {
			t.Errorf("Host %q was taken for dp1", r.Host)
		}
	})
}

// origin answers every request with what it was asked: the request line and Host.
func origin(t *testing.T) (dial func(context.Context, string, string) (net.Conn, error)) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{DisableGeneralOptionsHandler: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, r.Method+" "+r.RequestURI+" at "+r.Host)
	})}
	served := make(chan error)
	go func() { served <- server.Serve(ln) }()
	t.Cleanup(func() { server.Close(); <-served })
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		if address != "dp1:80" {
			t.Errorf("%s was dialled", address)
		}
		return new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
	}
}

// enterCases are requests on a connection that leads to http://dp1.
var enterCases = []struct {
	name, request string
	status        int
	answer        string
}{
	{"a file", "GET /SMS_DP_SMSPKG$/PS100015.1/sccm?/a.cab HTTP/1.1\r\nHost: alias\r\n\r\n", 200, "4096"},
	{"the file again, from express", "GET /SMS_DP_SMSPKG$/PS100015.1/a.cab HTTP/1.1\r\nHost: dp1\r\n\r\n", 200, "4096"},
	{"something else", "PROPFIND /a%7Eb/?c HTTP/1.1\r\nHost: Alias:8530\r\n\r\n", 200, "PROPFIND /a%7Eb/?c at Alias:8530"},
	{"chunked", "POST /x HTTP/1.1\r\nHost: alias\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, "POST /x at alias"},
	{"HTTP/1.0 without a host", "GET /x HTTP/1.0\r\n\r\n", 200, "GET /x at dp1:80"},
	{"two slashes", "GET //evil/x HTTP/1.1\r\nHost: alias\r\n\r\n", 200, "GET //evil/x at alias"},
	{"all of the server", "OPTIONS * HTTP/1.1\r\nHost: alias\r\n\r\n", 200, "OPTIONS * at alias"},
	{"another server", "GET http://evil/x HTTP/1.1\r\nHost: dp1\r\n\r\n", 421, "Branchpoint: this connection leads to another server than the request names.\n"},
	{"a tunnel", "CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n", 405, "Branchpoint: no tunnel begins here: this connection leads to one server.\n"},
}

// TestEnter: a connection that leads somewhere is served by both loops, and its Host header goes out untouched.
func TestEnter(t *testing.T) {
	c, err := cache.New(cache.Config{Directory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p, err := New(Config{Cache: c, Origins: smallFile{[]byte("4096")}, Dial: origin(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.Open(ln, Listener{Name: "l", Entitlement: Machine})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- d.Serve(ctx, 5*time.Second) }()
	enter := func(to *destination) (net.Conn, *bufio.Reader) {
		client, server := net.Pipe()
		t.Cleanup(func() { client.Close() })
		client.SetDeadline(time.Now().Add(20 * time.Second))
		d.enter(server, to)
		return client, bufio.NewReader(client)
	}
	for _, tt := range enterCases {
		t.Run(tt.name, func(t *testing.T) {
			client, in := enter(&destination{scheme: "http", host: "dp1:80"})
			go io.WriteString(client, tt.request)
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status || string(body) != tt.answer {
				t.Errorf("%s: %q, %v, want %d: %q", resp.Status, body, err, tt.status, tt.answer)
			}
			if refused := tt.status >= 400; refused && !resp.Close {
				t.Error("the connection stays open")
			}
		})
	}
	_, idle := enter(&destination{scheme: "http", host: "dp1:80"})
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := idle.ReadByte(); err == nil {
		t.Error("a connection outlives the door")
	}
	_, late := enter(nil)
	if _, err := late.ReadByte(); err == nil {
		t.Error("a connection entered a closed door")
	}
}
