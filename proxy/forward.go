package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elazarl/goproxy"

	"branchpoint/proxy/hop"
)

// answerTimeout is how long a server may think about what is passed on to it. Some are slow, and so is what clients ask of them.
const answerTimeout = 10 * time.Minute

// dialTimeout is how long a tunnel's destination may take to accept.
const dialTimeout = 30 * time.Second

// forwarder passes on what is not content, untouched but for the headers that belong to a hop. goproxy lives in this
// file alone. What its plain path lacks is added around its RoundTripper: see roundTrip.
type forwarder struct {
	config  Config
	metrics *metrics
	proxy   *goproxy.ProxyHttpServer
	terms   *atomic.Pointer[terms]
	pins    pins
	tunnels tunnels
	spliced sync.Map // netip.AddrPort, our own ends of connections to where redirected clients were going: see splice
	demands *demands
}

func newForwarder(config Config, m *metrics, i *interception, terms *atomic.Pointer[terms]) *forwarder {
	f := &forwarder{config: config, metrics: m, proxy: goproxy.NewProxyHttpServer(), terms: terms, demands: i.demands}
	f.proxy.Tr = f.newTransport(1, config.RootCAs) // never used: roundTrip is. Its own would verify nothing
	f.proxy.Logger = log.New(io.Discard, "", 0)    // its lines repeat URLs, which may hold secrets
	f.proxy.KeepAcceptEncoding = true              // or it would decompress what passes
	f.proxy.ConnectDialWithReq = func(r *http.Request, _, _ string) (net.Conn, error) {
		return tunnelOf(r).target, nil
	}
	f.proxy.OnRequest().HandleConnectFunc(func(host string, ctx *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		seen, ok := ctx.Req.Context().Value(interceptedKey{}).(*intercepted)
		if !ok {
			return goproxy.OkConnect, host
		}
		begin := func(_ *http.Request, conn net.Conn, _ *goproxy.ProxyCtx) { seen.begin(conn) }
		return &goproxy.ConnectAction{Action: goproxy.ConnectHijack, Hijack: begin}, host
	})
	f.proxy.OnRequest().DoFunc(func(r *http.Request, ctx *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		ctx.RoundTripper = goproxy.RoundTripperFunc(func(r *http.Request, _ *goproxy.ProxyCtx) (*http.Response, error) {
			return f.roundTrip(r)
		})
		return r, nil
	})
	f.tunnels.init()
	return f
}

// newConnections makes connections to share.
func (f *forwarder) newConnections(roots *x509.CertPool) *hop.Retiring {
	return &hop.Retiring{Transport: f.newTransport(256, roots)}
}

// newTransport makes the client side of forwarding: HTTP/1.1 only, since Windows authentication cannot run over HTTP/2,
// TLS always verified, nothing decompressed, no proxy of the environment.
func (f *forwarder) newTransport(idle int, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext:           f.config.Dial,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, GetClientCertificate: f.demands.asked},
		Protocols:             http1(),
		DisableCompression:    true,
		MaxIdleConns:          256, // of all hosts: a descriptor each
		MaxIdleConnsPerHost:   idle,
		IdleConnTimeout:       90 * time.Second, // IIS gives up after 120 s
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: answerTimeout,
		ExpectContinueTimeout: time.Second,
	}
}

func http1() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	return p
}

// serve answers a request that is not content.
func (f *forwarder) serve(e *exchange, r *http.Request) {
	if r.Method == http.MethodConnect {
		f.connect(e, r)
		return
	}
	hop.Remove(r.Header) // before goproxy removes Connection, which names more of them
	r.URL = exactURL(r.URL, rawTarget(r))
	r.URL.Host = strings.ToLower(r.URL.Host) // or the transport would take DP1 and dp1 for two; the Host header stays as it is
	r = r.WithContext(context.WithValue(r.Context(), transitKey{}, transit{e, hostPort(r)}))
	f.proxy.ServeHTTP(passing{e}, r)
}

// transit is what roundTrip, which goproxy calls, has to know of a request besides the request.
type transit struct {
	*exchange
	address string // where it leads
}

type transitKey struct{}

// mark tells in the answer to a request for content that the cache has no part in it (RFC 9211, section 2.2).
func (p transit) mark(h http.Header) {
	if p.file {
		h.Add("Cache-Status", "Branchpoint; fwd=bypass")
	}
}

// exactURL returns u with a target that goes out byte for byte: net/url would escape some characters of a path that the
// client did not.
func exactURL(u *url.URL, raw string) *url.URL {
	if u.RequestURI() == raw {
		return u
	}
	exact := &url.URL{Scheme: u.Scheme, Host: u.Host, Opaque: raw}
	if strings.HasPrefix(raw, "//") {
		// This goes out in absolute form, which every server understands (RFC 9112, section 3.2.2).
		exact.Opaque = "//" + u.Host + raw
	}
	return exact
}

// connect makes a tunnel, or sees into it. The destination of a tunnel is dialled before the client's connection is taken
// over, so that a failure is an answer like any other.
func (f *forwarder) connect(e *exchange, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), dialTimeout)
	defer cancel()
	host, port := splitHost(r)
	if certificate, ok := e.door.take(ctx, host, port); ok {
		seen := &intercepted{e, certificate, &destination{scheme: "https", host: hostPort(r), strict: true}}
		f.proxy.ServeHTTP(seen, r.WithContext(context.WithValue(r.Context(), interceptedKey{}, seen)))
		return
	}
	conn, err := f.config.Dial(ctx, "tcp", hostPort(r))
	if err != nil {
		answer := f.failed(transit{exchange: e}, r, err)
		maps.Copy(e.Header(), answer.Header)
		e.WriteHeader(answer.StatusCode)
		io.Copy(e, answer.Body)
		return
	}
	t := f.tunnels.begin(conn, f.terms.Load().tunnelIdle)
	f.proxy.ServeHTTP(&tunnelWriter{e, t}, r.WithContext(context.WithValue(r.Context(), tunnelKey{}, t)))
	if t.client == nil { // this kind of connection cannot be taken over
		t.target.Close()
	}
}

// roundTrip sends a request on, and mends what the plain path of goproxy would get wrong: an error becomes a 502 or 504
// with a text of ours, a body that breaks off breaks the client's connection, and hop-by-hop headers stay here.
func (f *forwarder) roundTrip(r *http.Request) (*http.Response, error) {
	p := r.Context().Value(transitKey{}).(transit)
	// Which connection ends is a matter of each hop. One that an unknown scheme may have authenticated is nobody else's.
	r.Close = hop.Binds(r.Header) && !hop.LogsIn(r.Header) && !connOf(r).pinnedTo(hostPort(r))
	r.Header.Add("Via", "1.1 "+f.config.Via)
	if _, ok := r.Header["User-Agent"]; !ok {
		r.Header["User-Agent"] = nil // or the transport would add its own
	}
	resp, err := f.transport(r).RoundTrip(r)
	if err == nil && resp.StatusCode < 200 { // a protocol switch that nobody asked for, or no status at all
		err = errors.Join(errNoStatus, resp.Body.Close())
	}
	if err != nil {
		return f.failed(p, r, err), nil
	}
	f.pins.note(r, resp)
	resp = better(r, resp)
	p.reading.answered(resp)
	hop.Remove(resp.Header)
	resp.Header.Add("Via", "1.1 "+f.config.Via)
	p.mark(resp.Header)
	if _, ok := resp.Header["Content-Type"]; !ok {
		resp.Header["Content-Type"] = nil // or the server would guess one
	}
	if hop.AsksForLogin(resp.Header) && connOf(r).to == nil { // a proxy's client has to be told
		resp.Header.Set("Proxy-Support", "Session-Based-Authentication") // RFC 4559, section 6
		resp.Header.Set("Connection", "Proxy-Support")
	}
	resp.Body = abortBody{resp.Body, p, r}
	return resp, nil
}

func (f *forwarder) transport(r *http.Request) http.RoundTripper {
	if hop.LogsIn(r.Header) || connOf(r).pinnedTo(hostPort(r)) {
		return connOf(r).pin(hostPort(r), func() *http.Transport { return f.newTransport(1, f.terms.Load().roots) })
	}
	return f.terms.Load().shared
}

func (f *forwarder) close() {
	f.terms.Load().shared.CloseIdleConnections()
	f.tunnels.close()
}

// passing is the ResponseWriter of what is passed on. A body of unknown length goes out as it comes in: nobody knows
// whether more will follow soon.
type passing struct{ *exchange }

func (w passing) Write(p []byte) (int, error) {
	n, err := w.exchange.Write(p)
	if err == nil && w.Header().Get("Content-Length") == "" {
		w.Flush()
	}
	return n, err
}
