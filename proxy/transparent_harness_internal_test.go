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
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
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
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(48 * time.Hour), DNSNames: []string{"dp1", "elsewhere"}}
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
