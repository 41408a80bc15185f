package tokenbroker

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// fake is a source whose answers a test writes. call counts from 1.
type fake struct {
	name   string
	answer func(ctx context.Context, audience string, call int) (Token, error)

	mu    sync.Mutex
	calls int
}

func (f *fake) Name() string { return f.name }

func (f *fake) Token(ctx context.Context, audience string) (Token, error) {
	f.mu.Lock()
	f.calls++
	call := f.calls
	f.mu.Unlock()
	return f.answer(ctx, audience, call)
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// always gives the same answer.
func always(name, secret string, err error) *fake {
	return &fake{name: name, answer: func(context.Context, string, int) (Token, error) {
		if err != nil {
			return Token{}, err
		}
		return NewToken(secret, time.Time{})
	}}
}

// lasting gives tokens "<name>-<call>" that end after life, each after taking the time pause.
func lasting(name string, life, pause time.Duration) *fake {
	return &fake{name: name, answer: func(ctx context.Context, _ string, call int) (Token, error) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return Token{}, ctx.Err()
		}
		return NewToken(name+"-"+string(rune('0'+call)), time.Now().Add(life))
	}}
}

// world is a broker with everything that it writes.
type world struct {
	*Broker
	log      *bytes.Buffer
	registry *prometheus.Registry
}

func newWorld(t *testing.T, config Config) *world {
	t.Helper()
	w := &world{log: new(bytes.Buffer), registry: prometheus.NewRegistry()}
	config.Registerer = w.registry
	config.Logger = slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b, err := New(config)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	w.Broker = b
	t.Cleanup(func() { b.Close(context.Background()) })
	return w
}

// Refused says that a host, always the same one, refuses a token, and lets in the other one that it gets then, if there is one.
func (w *world) Refused(audience string, s Stamp) {
	w.Broker.Refused(audience, s, "dp")
	if other, err := w.Another(context.Background(), audience, s, "dp", http.Header{}); err == nil && s != 0 {
		w.Broker.Accepted(audience, other, "dp")
	}
}

// Accepted says that a host let a token in, always the same one.
func (w *world) Accepted(audience string, s Stamp) { w.Broker.Accepted(audience, s, "dp") }

// wants authorizes a request and checks the token on it; "" means ErrUnavailable or another error is due.
func (w *world) wants(t *testing.T, audience, secret string) Stamp {
	t.Helper()
	h := http.Header{}
	stamp, err := w.Authorize(t.Context(), audience, h)
	if secret == "" {
		if err == nil || stamp != 0 || len(h) != 0 {
			t.Fatalf("Authorize(%s) = %d, %v, header %v; want an error and no header", audience, stamp, err, h)
		}
		return 0
	}
	if err != nil || stamp == 0 || h.Get("Authorization") != "Bearer "+secret {
		t.Fatalf("Authorize(%s) = %d, %v, header %v; want %q", audience, stamp, err, h, secret)
	}
	return stamp
}

// bearer is the header of a client that presents secret.
func bearer(secret string) http.Header { return http.Header{"Authorization": {"Bearer " + secret}} }

// elapse lets d pass in the bubble of synctest.Test, and everything that was due in it end.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
