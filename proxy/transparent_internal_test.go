package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/cache"
)

// meant is where all redirected clients of these tests were going.
var meant = netip.MustParseAddrPort("192.0.2.1:80")

// redirect is a transparent listener, and the server that clients were going to.
type redirect struct {
	testing.TB
	p       *Proxy
	door    *Door
	address string
	server  net.Listener // behind meant; closed: nobody is there
	log     bytes.Buffer // to be read when all is closed
	stop    func()       // the listener

	mu      sync.Mutex
	dialled []string
}

// wasMeant is what the system tells of a redirected connection.
func wasMeant(*net.TCPConn) (netip.AddrPort, error) { return meant, nil }

// newRedirect makes one whose host is dp1, with a file of 4 KiB in every content. original tells where clients were going.
func newRedirect(t testing.TB, original func(*net.TCPConn) (netip.AddrPort, error), change ...func(*Config)) *redirect {
	r := &redirect{TB: t}
	store, err := cache.New(cache.Config{Directory: t.TempDir()})
	r.must(err)
	r.server, err = net.Listen("tcp", "127.0.0.1:0")
	r.must(err)
	config := Config{Cache: store, Origins: smallFile{[]byte("4096")}, Dial: r.dial, Registerer: prometheus.NewRegistry(),
		Logger: slog.New(slog.NewTextHandler(&r.log, nil))}
	for _, c := range change {
		c(&config)
	}
	r.p, err = New(config)
	r.must(err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	r.must(err)
	r.address = ln.Addr().String()
	r.door, err = r.p.Open(ln, Listener{Name: "l", Entitlement: Origin, Transparent: true, Hosts: []string{"dp1:80", "*.site:80"}})
	r.must(err)
	r.door.original = original
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- r.door.Serve(ctx, time.Second) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		r.stop()
		r.p.Close()
		r.server.Close()
		store.Close()
	})
	return r
}

func (r *redirect) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *redirect) note(address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dialled = append(r.dialled, address)
}

func (r *redirect) dial(ctx context.Context, _, address string) (net.Conn, error) {
	r.note(address)
	if address != meant.String() {
		return nil, errors.New("nobody is there")
	}
	return new(net.Dialer).DialContext(ctx, "tcp", r.server.Addr().String())
}

// dials lists what has been dialled so far.
func (r *redirect) dials() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.dialled)
}

// client connects as one that was redirected.
func (r *redirect) client() *net.TCPConn {
	r.Helper()
	conn, err := net.Dial("tcp", r.address)
	r.must(err)
	r.Cleanup(func() { conn.Close() })
	r.must(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	return conn.(*net.TCPConn)
}

// accept returns the server's end of what was passed on.
func (r *redirect) accept() *net.TCPConn {
	r.Helper()
	conn, err := r.server.Accept()
	r.must(err)
	r.Cleanup(func() { conn.Close() })
	r.must(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	return conn.(*net.TCPConn)
}

func (r *redirect) say(to net.Conn, text string) {
	r.Helper()
	_, err := io.WriteString(to, text)
	r.must(err)
}

// hear wants to read exactly this next.
func (r *redirect) hear(from io.Reader, want string) {
	r.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(from, got); err != nil || string(got) != want {
		r.Fatalf("heard %q (%v), want %q", got[:n], err, want)
	}
}

const ourFile = "GET /SMS_DP_SMSPKG$/PS100015.1/sccm?/a.cab HTTP/1.1\r\nHost: DP1\r\n\r\n"

// hearAnswer reads an answer of HTTP and returns its status and body.
func (r *redirect) hearAnswer(in *bufio.Reader) (int, string) {
	r.Helper()
	resp, err := http.ReadResponse(in, nil)
	r.must(err)
	body, err := io.ReadAll(resp.Body)
	r.must(err)
	return resp.StatusCode, string(body)
}

// TestRedirectedToOurHost: content is fetched by name and kept; a request for another host goes to the address that the
// connection was made to, and the next one for ours does not.
func TestRedirectedToOurHost(t *testing.T) {
	r := newRedirect(t, wasMeant)
	conn := r.client()
	in := bufio.NewReader(conn)
	ours := func() {
		t.Helper()
		r.say(conn, ourFile)
		if status, body := r.hearAnswer(in); status != 200 || body != "4096" {
			t.Errorf("got %d: %q", status, body)
		}
	}
	ours()
	ours()
	if dials := r.dials(); len(dials) > 0 {
		t.Errorf("%q was dialled for what is ours", dials)
	}
	var server http.Server
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { fmt.Fprint(w, q.RequestURI, " at ", q.Host) })
	served := make(chan error)
	go func() { served <- server.Serve(r.server) }()
	// The same path under another name is not content, whatever it looks like.
	for _, host := range []string{"evil", "DP1:8080", "dp1:443"} {
		r.say(conn, "GET /SMS_DP_SMSPKG$/PS100015.1/sccm?/a.cab HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		if _, body := r.hearAnswer(in); body != "/SMS_DP_SMSPKG$/PS100015.1/sccm?/a.cab at "+host {
			t.Errorf("got %q", body)
		}
	}
	ours()
	if dials := r.dials(); len(dials) != 1 || dials[0] != meant.String() {
		t.Errorf("%q was dialled", dials)
	}
	server.Close()
	<-served
}

// authority makes certificates for dp1 and elsewhere.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t testing.TB) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"dp1", "elsewhere"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key, cert}
}

func (a *authority) Covers(name string) bool { return a.cert.VerifyHostname(name) == nil }
func (a *authority) Certificate(string) (*tls.Certificate, error) {
	return &tls.Certificate{Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key}, nil
}

// TestRedirectedTLS: TLS to our host is seen into, and leads to that host alone. TLS to others is not touched.
func TestRedirectedTLS(t *testing.T) {
	a := newAuthority(t)
	r := newRedirect(t, wasMeant, func(c *Config) { c.Authority, c.InterceptHosts = a, []string{"dp1"} })
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	conn := tls.Client(r.client(), &tls.Config{RootCAs: roots, ServerName: "dp1"})
	in := bufio.NewReader(conn)
	for _, tt := range []struct {
		host   string
		status int
		body   string
	}{
		{"dp1:80", 200, "4096"}, {"DP1", 200, "4096"},
		{"elsewhere", 421, "Branchpoint: this connection leads to another server than the request names.\n"},
	} {
		r.say(conn, "GET /SMS_DP_SMSPKG$/PS100015.1/sccm?/a.cab HTTP/1.1\r\nHost: "+tt.host+"\r\n\r\n")
		if status, body := r.hearAnswer(in); status != tt.status || body != tt.body {
			t.Errorf("Host %s: got %d: %q, want %d: %q", tt.host, status, body, tt.status, tt.body)
		}
	}
	if dials := r.dials(); slices.Contains(dials, meant.String()) {
		t.Errorf("%q was dialled for what is ours", dials)
	}
	other := r.client()
	hello := string(clientHello(&tls.Config{ServerName: "elsewhere"}))
	r.say(other, hello)
	r.hear(r.accept(), hello)
}

// TestPassedOn: what is not for us reaches the server byte for byte, and its answer the client.
func TestPassedOn(t *testing.T) {
	for _, tt := range []struct{ name, said string }{
		{"another host", "GET /SMS_DP_SMSPKG$/PS100015.1/a.cab HTTP/1.1\r\nhost:  evil\r\n\r\n"},
		{"another port", "GET / HTTP/1.1\r\nHost: dp1:8080\r\n\r\n"},
		{"an impossible port", "GET / HTTP/1.1\r\nHost: dp1:x\r\n\r\n"},
		{"a user in the name", "GET / HTTP/1.1\r\nHost: evil@a.site\r\n\r\n"},
		{"a path in the name", "GET / HTTP/1.1\r\nHost: evil/a.site\r\n\r\n"},
		{"the suffix alone", "GET / HTTP/1.1\r\nHost: .site\r\n\r\n"},
		{"a proxy's request", "GET http://dp1/ HTTP/1.1\r\nHost: dp1\r\n\r\n"},
		{"a tunnel", "CONNECT dp1:443 HTTP/1.1\r\nHost: dp1:443\r\n\r\n"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		{"TLS without a name", string(clientHello(&tls.Config{InsecureSkipVerify: true}))},
		{"TLS with another name", string(clientHello(&tls.Config{ServerName: "evil"}))},
		{"junk", "\x00\xff\n\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRedirect(t, wasMeant)
			client := r.client()
			r.say(client, tt.said)
			server := r.accept()
			r.hear(server, tt.said)
			r.say(server, "\x00answer\r\n")
			r.hear(client, "\x00answer\r\n")
			r.must(client.CloseWrite())
			if _, err := server.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the server sees %v, want the client's end", err)
			}
			r.say(server, "later")
			r.must(server.Close())
			if rest, err := io.ReadAll(client); string(rest) != "later" || err != nil {
				t.Errorf("got %q, %v after its own end", rest, err)
			}
		})
	}
}

// TestPassedOnAtLength: much at once in both directions.
func TestPassedOnAtLength(t *testing.T) {
	r := newRedirect(t, wasMeant)
	client := r.client()
	up, down := bytes.Repeat([]byte("up and "), 1<<19), bytes.Repeat([]byte("down, "), 1<<19)
	up[0] = 0 // no HTTP
	var work sync.WaitGroup
	both := func(conn *net.TCPConn, say, want []byte) {
		work.Go(func() {
			if _, err := conn.Write(say); err != nil {
				t.Error(err)
			}
			conn.CloseWrite()
		})
		work.Go(func() {
			if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes came (%v), want %d", len(got), err, len(want))
			}
		})
	}
	both(client, up, down)
	both(r.accept(), down, up)
	work.Wait()
	r.stop()
	r.p.Close()
	if want := fmt.Sprintf("sent=%d received=%d", len(up), len(down)); !strings.Contains(r.log.String(), want) {
		t.Errorf("the log does not say %s:\n%s", want, &r.log)
	}
}

// TestPassedOnWithoutAWord: a client that only ends its side reaches the server all the same.
func TestPassedOnWithoutAWord(t *testing.T) {
	for _, said := range []string{"", "GET / HT"} {
		r := newRedirect(t, wasMeant)
		client := r.client()
		r.say(client, said)
		r.must(client.CloseWrite())
		server := r.accept()
		if got, err := io.ReadAll(server); string(got) != said || err != nil {
			t.Errorf("the server got %q, %v, want %q", got, err, said)
		}
		r.say(server, "bye")
		r.must(server.Close())
		r.hear(client, "bye")
	}
}

// TestNobodyThere: the client of a closed port is not left in the belief that somebody has answered.
func TestNobodyThere(t *testing.T) {
	r := newRedirect(t, wasMeant)
	r.server.Close()
	client := r.client()
	r.say(client, "\x00")
	if n, err := client.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("got %d bytes, %v, want a reset", n, err)
	}
}

// TestBrokenOff: when one side breaks off the other does not go on.
func TestBrokenOff(t *testing.T) {
	r := newRedirect(t, wasMeant)
	client := r.client()
	r.say(client, "\x00")
	server := r.accept()
	r.hear(server, "\x00")
	r.must(client.SetLinger(0))
	r.must(client.Close())
	if _, err := server.Read(make([]byte, 1)); err == nil {
		t.Error("the server's connection goes on")
	}
}

// TestDirect: who was not redirected is sent away, and nothing is dialled for him.
func TestDirect(t *testing.T) {
	for name, original := range map[string]func(*net.TCPConn) (netip.AddrPort, error){
		"our own address": func(c *net.TCPConn) (netip.AddrPort, error) { return addrPort(c.LocalAddr()), nil },
		"no account of it": func(*net.TCPConn) (netip.AddrPort, error) {
			return netip.AddrPort{}, errors.New("no such file or directory")
		},
		"as the system tells": originalDestination,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRedirect(t, original)
			client := r.client()
			client.Write([]byte(ourFile)) // may be refused before it is out
			if n, err := client.Read(make([]byte, 1)); n > 0 || err == nil {
				t.Errorf("%d bytes came", n)
			}
			r.stop()
			r.p.Close()
			if dials := r.dials(); len(dials) > 0 || !strings.Contains(r.log.String(), "nobody redirected it") {
				t.Errorf("%q was dialled; the log:\n%s", dials, &r.log)
			}
		})
	}
}

// TestRedirectedToItself: a firewall that catches what we send as well makes no circle that fills the machine.
func TestRedirectedToItself(t *testing.T) {
	var r *redirect
	r = newRedirect(t, wasMeant, func(c *Config) {
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			r.note(address)
			return new(net.Dialer).DialContext(ctx, network, r.address)
		}
	})
	client := r.client()
	r.say(client, "\x00")
	if n, err := client.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Errorf("%d bytes came", n)
	}
	r.stop()
	r.p.Close()
	if dials := r.dials(); len(dials) != 1 || !strings.Contains(r.log.String(), "it is our own") {
		t.Errorf("%q was dialled; the log:\n%s", dials, &r.log)
	}
}

// TestRedirectedAtTheEnd: the listener waits neither for clients that say nothing nor for what is passed on, which ends with
// the proxy.
func TestRedirectedAtTheEnd(t *testing.T) {
	r := newRedirect(t, wasMeant)
	silent, client := r.client(), r.client()
	r.say(client, "\x00")
	server := r.accept()
	r.hear(server, "\x00")
	r.stop()
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("a silent connection outlives the listener")
	}
	r.say(client, "more")
	r.hear(server, "more")
	r.p.Close()
	for name, conn := range map[string]net.Conn{"client": client, "server": server} {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("the connection of the %s outlives the proxy", name)
		}
	}
}

// TestSilence: when the client says nothing, or not enough, the server gets its turn after a while; and when nobody says
// anything for long, both connections end.
func TestSilence(t *testing.T) {
	for _, said := range []string{"", "GET / HTTP/1.1\r\nHo", "\x16\x03"} {
		synctest.Test(t, func(t *testing.T) {
			store, err := cache.New(cache.Config{Directory: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			near, far := net.Pipe()
			p, err := New(Config{Cache: store, Origins: smallFile{}, TunnelIdle: time.Minute,
				Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			d := newDoor(p, Listener{Name: "l", Entitlement: Origin, Transparent: true})
			d.original = wasMeant
			client, conn := net.Pipe()
			begin := time.Now()
			d.hits.attend(conn, func(c *traveller) { d.redirected(t.Context(), c) })
			io.WriteString(client, said)
			go io.WriteString(far, "SSH-2.0-server\r\n")
			line, err := bufio.NewReader(client).ReadString('\n')
			if took := time.Since(begin); line != "SSH-2.0-server\r\n" || err != nil || took != headerTimeout {
				t.Errorf("%q: the client heard %q, %v after %v", said, line, err, took)
			}
			heard := make([]byte, len(said))
			if _, err := io.ReadFull(far, heard); err != nil || string(heard) != said {
				t.Errorf("%q: the server heard %q, %v", said, heard, err)
			}
			for _, end := range []net.Conn{client, far} {
				if _, err := end.Read(make([]byte, 1)); err != io.EOF || time.Since(begin) != headerTimeout+time.Minute {
					t.Errorf("%q: ended with %v after %v", said, err, time.Since(begin))
				}
			}
		})
	}
}
