package upstream

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// memoryNet is a network of DPs without sockets, for tests in a bubble of synctest.
type memoryNet struct {
	mu    sync.Mutex
	hosts map[string]*memoryHost
}

// memoryHost is one DP on it.
type memoryHost struct {
	handler http.HandlerFunc
	tls     *tls.Config // nil: plain HTTP
	down    bool
	dials   int
}

func newMemoryNet(hosts map[string]http.HandlerFunc) *memoryNet {
	n := &memoryNet{hosts: make(map[string]*memoryHost)}
	for name, h := range hosts {
		n.hosts[name+":80"] = &memoryHost{handler: h}
	}
	return n
}

func (n *memoryNet) dial(_ context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[addr]
	h.dials++
	if h.down {
		return nil, errors.New("connection refused")
	}
	client, server := net.Pipe()
	if h.tls != nil {
		server = tls.Server(server, h.tls)
	}
	ln := &oneConn{conn: server, closed: make(chan struct{})}
	go http.Serve(ln, h.handler)
	return client, nil
}

// secure puts hosts behind TLS, and returns who vouches for them.
func (n *memoryNet) secure(t *testing.T, hosts map[string]http.HandlerFunc) *x509.CertPool {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issue := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(100, 0, 0)}
	for name, h := range hosts {
		issue.DNSNames = append(issue.DNSNames, name)
		n.hosts[name+":443"] = &memoryHost{handler: h}
	}
	der, err := x509.CreateCertificate(rand.Reader, issue, issue, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	for name := range hosts {
		n.hosts[name+":443"].tls = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return pool
}

func (n *memoryNet) set(host string, down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at(host).down = down
}

// serve changes what a host answers to the connections to come.
func (n *memoryNet) serve(host string, handler http.HandlerFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at(host).handler = handler
}

func (n *memoryNet) dials(host string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at(host).dials
}

// at is a host by its name. The caller holds mu.
func (n *memoryNet) at(host string) *memoryHost {
	if h, ok := n.hosts[host+":80"]; ok {
		return h
	}
	return n.hosts[host+":443"]
}

// oneConn is a listener for one connection; it ends with it.
type oneConn struct {
	conn   net.Conn
	closed chan struct{}
	once   sync.Once
}

// watchedConn tells its listener that it is closed.
type watchedConn struct {
	net.Conn
	ln *oneConn
}

func (c watchedConn) Close() error {
	c.ln.once.Do(func() { close(c.ln.closed) })
	return c.Conn.Close()
}

func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn != nil {
		c := watchedConn{l.conn, l}
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// serveFile serves data; after the first n bytes of each body it does then.
func serveFile(data []byte, n int, then func(r *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			http.ServeContent(w, r, "", modified, bytes.NewReader(data))
			return
		}
		var off, last int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &off, &last)
		last = min(last, len(data)-1)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, last, len(data)))
		w.Header().Set("Content-Length", fmt.Sprint(last+1-off))
		w.WriteHeader(http.StatusPartialContent)
		m := min(n, last+1-off)
		w.Write(data[off : off+m])
		w.(http.Flusher).Flush()
		if off+m <= last {
			then(r)
		}
	}
}

func stall(r *http.Request) { <-r.Context().Done() }

func lab(hosts ...string) (list []Location) {
	for _, h := range hosts {
		list = append(list, Location{Base: "http://" + h, Hierarchy: "lab"})
	}
	return list
}
