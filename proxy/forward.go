package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/elazarl/goproxy"
)

// forwarder passes on what is not content, untouched but for the headers that belong to a hop. goproxy lives in this
// file alone. What its plain path lacks is added around its RoundTripper: see roundTrip.
type forwarder struct {
	config  Config
	metrics *metrics
	proxy   *goproxy.ProxyHttpServer
	shared  *http.Transport
	pins    pins
	tunnels tunnels
}

func newForwarder(config Config, m *metrics) *forwarder {
	f := &forwarder{config: config, metrics: m, proxy: goproxy.NewProxyHttpServer()}
	f.shared = f.newTransport(256)
	f.proxy.Tr = f.shared
	f.proxy.Logger = log.New(io.Discard, "", 0) // its lines repeat URLs, which may hold secrets
	f.proxy.KeepAcceptEncoding = true           // or it would decompress what passes
	f.proxy.ConnectDial = func(network, address string) (net.Conn, error) {
		return f.tunnels.dial(f.config, network, address)
	}
	f.proxy.ConnectionErrHandler = func(w io.Writer, _ *goproxy.ProxyCtx, _ error) {
		io.WriteString(w, "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"+
			"Branchpoint: the destination could not be reached.\n")
	}
	f.proxy.OnRequest().DoFunc(func(r *http.Request, ctx *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		ctx.RoundTripper = goproxy.RoundTripperFunc(func(r *http.Request, _ *goproxy.ProxyCtx) (*http.Response, error) {
			return f.roundTrip(r)
		})
		return r, nil
	})
	f.tunnels.open = map[*tunnel]struct{}{}
	return f
}

// newTransport makes the client side of forwarding: HTTP/1.1 only, since Windows authentication cannot run over HTTP/2,
// TLS always verified, nothing decompressed, no proxy of the environment.
func (f *forwarder) newTransport(idle int) *http.Transport {
	return &http.Transport{
		DialContext:           f.config.Dial,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: f.config.RootCAs},
		Protocols:             http1(),
		DisableCompression:    true,
		MaxIdleConnsPerHost:   idle,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
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
		f.proxy.ServeHTTP(&hijacked{exchange: e}, r)
		return
	}
	if r.Body != nil {
		r.Body = &pacedBody{ReadCloser: r.Body, e: e}
	}
	f.proxy.ServeHTTP(e, r)
}

// roundTrip sends a request on, and mends what the plain path of goproxy would get wrong: an error becomes a 502 or 504
// with a text of ours, a body that breaks off breaks the client's connection, and hop-by-hop headers stay here.
func (f *forwarder) roundTrip(r *http.Request) (*http.Response, error) {
	removeHopByHop(r.Header)
	r.Header.Add("Via", "1.1 "+f.config.Via)
	if _, ok := r.Header["User-Agent"]; !ok {
		r.Header["User-Agent"] = nil // or the transport would add its own
	}
	resp, err := f.transport(r).RoundTrip(r)
	if err != nil {
		return f.failed(r, err), nil
	}
	f.pins.note(r, resp)
	resp = better(r, resp)
	removeHopByHop(resp.Header)
	resp.Header.Add("Via", "1.1 "+f.config.Via)
	if asksForConnection(resp.Header) {
		resp.Header.Set("Proxy-Support", "Session-Based-Authentication") // RFC 4559, section 6
	}
	resp.Body = abortBody{resp.Body}
	return resp, nil
}

func (f *forwarder) transport(r *http.Request) http.RoundTripper {
	if authenticatesConnection(r.Header) || connOf(r).pinnedTo(hostPort(r)) {
		return connOf(r).pin(hostPort(r), func() *http.Transport { return f.newTransport(1) })
	}
	return f.shared
}

// failed is the answer when the destination gives none.
func (f *forwarder) failed(r *http.Request, err error) *http.Response {
	status, text := http.StatusBadGateway, "Branchpoint: the destination could not be reached.\n"
	var forbidden *ForbiddenError
	switch {
	case errors.As(err, &forbidden):
		status, text = http.StatusForbidden, "Branchpoint: this destination is never served.\n"
	case timedOut(err):
		status, text = http.StatusGatewayTimeout, "Branchpoint: the destination did not answer in time.\n"
	}
	f.metrics.forwardFailures.Inc()
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{
			"Content-Type": {"text/plain; charset=utf-8"}, "Via": {"1.1 " + f.config.Via}, "Retry-After": {"10"},
		},
		Body: io.NopCloser(strings.NewReader(text)), ContentLength: -1,
	}
}

func (f *forwarder) close() {
	f.shared.CloseIdleConnections()
	f.tunnels.close()
}

// abortBody turns a body that breaks off into a broken connection. Without it the client would see a short body end
// properly.
type abortBody struct{ io.ReadCloser }

func (b abortBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		panic(http.ErrAbortHandler)
	}
	return n, err
}

// Write is for the protocol switch of a WebSocket, whose body is a connection.
func (b abortBody) Write(p []byte) (int, error) {
	w, ok := b.ReadCloser.(io.Writer)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	return w.Write(p)
}

// pacedBody gives a client that sends a body time for the next bytes, and no more.
type pacedBody struct {
	io.ReadCloser
	e *exchange
}

func (b *pacedBody) Read(p []byte) (int, error) {
	_ = http.NewResponseController(b.e.w).SetReadDeadline(time.Now().Add(writeStall))
	return b.ReadCloser.Read(p)
}

// hijacked is the ResponseWriter of a tunnel. goproxy throws away what the client sent together with CONNECT; this keeps
// it.
type hijacked struct{ *exchange }

func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.status = http.StatusOK
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &earlyConn{TCPConn: tcp, early: early}, rw, nil
	}
	return conn, rw, nil
}

// earlyConn reads what came early before the rest. It stays a TCP connection, so that either side can be closed alone.
type earlyConn struct {
	*net.TCPConn
	early []byte
}

func (c *earlyConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	return c.TCPConn.Read(p)
}

// WriteTo keeps io.Copy from passing by Read.
func (c *earlyConn) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(c.early)
	c.early = nil
	if err != nil {
		return int64(n), err
	}
	m, err := io.Copy(w, c.TCPConn)
	return int64(n) + m, err
}

// connContext and connState follow the life of a client connection.
func (f *forwarder) connContext(ctx context.Context, c net.Conn) context.Context {
	return f.pins.begin(ctx, c)
}

func (f *forwarder) connState(c net.Conn, s http.ConnState) {
	if s == http.StateClosed || s == http.StateHijacked {
		f.pins.end(c)
	}
}
