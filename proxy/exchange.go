package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// exchange is one request and what became of it. It is the ResponseWriter of the request, so that status and size are
// known in the end.
type exchange struct {
	w        http.ResponseWriter
	door     *Door
	listener *Listener // its settings when the request came
	client   string    // address without port
	method   string
	host     string
	path     string // without the query, which may hold secrets
	start    time.Time

	foreign bool     // it leads to a server that is none of ours: see destination
	reading *reading // what passes is read, otherwise nil

	class  class
	file   bool // it asks for a file of content, whatever its class
	target content.Target
	named  cache.Key // of the target, once it was asked for
	ready  bool      // a moment ago the client was known to be entitled, and everything to be on disk
	status int
	bytes  int64
	// result is how it ended, a label of the metrics. From the cache: hit, checked, collapsed, miss, asked (see cacheStatus),
	// missing. Passed on: empty, or refused when it was the distribution point that would not have the cache answer. Without
	// success: failed (nobody answered), certificate (that of the server is bad), client_cert (it wants one),
	// aborted (in the middle), left (by the client). A CONNECT that was seen into: intercepted. Served by the proxy itself: pac.
	// Never let in: the reason of a refusal (see admit and destination). A bug: panic.
	result  string
	outcome cache.Outcome
	err     error
}

func newExchange(w http.ResponseWriter, r *http.Request, d *Door) *exchange {
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	path, _, _ := strings.Cut(r.URL.Path, "?") // a client may have escaped it
	return &exchange{
		w: w, door: d, listener: d.settings.Load(), client: client, method: r.Method, host: r.Host, path: path, start: time.Now(),
	}
}

// key is the name of the exchange's target in the cache.
func (e *exchange) key() cache.Key {
	if e.named.Name == "" {
		id := e.target.ID
		e.named = cache.Key{Name: id.Name(), Group: id.Group(), Mutable: id.Mutable(), Origin: e.target.Host}
	}
	return e.named
}

// clientStall is how long one write to a client may take, and how long it may send nothing of a body. A write is 384 KiB at
// the most and is done when the system has taken it, so a client that needs longer takes less than a kilobyte a second. BITS
// under a policy may crawl, so it is long; a client that has gone without a word still gives its connection back.
const clientStall = 5 * time.Minute

func (e *exchange) Header() http.Header { return e.w.Header() }

func (e *exchange) WriteHeader(status int) {
	if status >= 200 && e.status == 0 {
		e.status = status
		if e.door.clients.full() && status != http.StatusUnauthorized {
			e.Header().Set("Connection", "close") // so that those who wait do not wait for this client's idle time
		}
	}
	e.pace()
	e.w.WriteHeader(status)
}

// pace gives the client time for the next bytes. The deadline of an earlier request must not hold for this one.
func (e *exchange) pace() {
	// An error only says that this kind of connection knows no deadline.
	_ = http.NewResponseController(e.w).SetWriteDeadline(time.Now().Add(clientStall))
}

func (e *exchange) Write(p []byte) (int, error) {
	if e.status == 0 {
		e.status = http.StatusOK
	}
	e.pace()
	n, err := e.w.Write(p)
	e.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (e *exchange) Unwrap() http.ResponseWriter { return e.w }

// Flush passes on what is buffered.
func (e *exchange) Flush() { _ = http.NewResponseController(e.w).Flush() }

// started tells whether the client has been sent a status.
func (e *exchange) started() bool { return e.status != 0 }

// panicked notes a bug. The value of a panic may hold anything, a token too, so only its type is told.
func (p *Proxy) panicked(cause any) {
	p.metrics.panics.Inc()
	p.log.Error("a request panicked", "type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
}

// logExchange writes the one line of a request.
func (p *Proxy) logExchange(e *exchange, aborted bool) {
	level := slog.LevelInfo
	if e.err != nil {
		level = slog.LevelWarn
	}
	if !p.log.Enabled(context.Background(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("listener", e.listener.Name), slog.String("client", e.client), slog.String("method", e.method),
		slog.String("host", e.host), slog.String("class", e.class.String()), slog.Int("status", e.status),
		slog.Int64("bytes", e.bytes), slog.Duration("took", time.Since(e.start)),
	}
	if e.class == classContent {
		attrs = append(attrs, slog.String("content", e.target.ID.Content), slog.String("file", e.target.ID.Path),
			slog.String("cache", e.result), slog.Int64("stored", e.outcome.Stored), slog.Int64("waited", e.outcome.Waited),
			slog.Int64("direct", e.outcome.Direct))
	} else {
		attrs = append(attrs, slog.String("path", e.path))
	}
	if e.err != nil {
		attrs = append(attrs, slog.Any("error", e.err))
	}
	if aborted {
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	p.log.LogAttrs(context.Background(), level, "request", attrs...)
}
