package integration

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
)

// clumsy panics with whatever the client's credential was, which is the worst that a bug could do.
type clumsy struct{}

func (clumsy) Hierarchy(string) string { return "default" }

func (clumsy) Source(t content.Target) cache.Source { panic("lost: " + t.Header.Get("Authorization")) }

func (clumsy) Ask(context.Context, content.Target) (int, error) { return http.StatusOK, nil }

// TestCanaryPanic: a request panics with a token in the value of the panic. The client, the log and the metrics hear of
// the panic, and not of the token; the next request is answered.
func TestCanaryPanic(t *testing.T) {
	t.Parallel()
	var birds flock
	secret := birds.hatch("token in a panic")
	var log logBook
	registry := prometheus.NewRegistry()
	store, err := cache.New(cache.Config{Directory: t.TempDir(), Registerer: registry})
	must(t, err)
	front, err := proxy.New(proxy.Config{
		Cache: store, Origins: clumsy{}, Dial: (&net.Dialer{}).DialContext, Registerer: registry,
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	must(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- front.Serve(ctx, ln, proxy.Listener{Name: "l", Entitlement: proxy.Machine, AnyHost: true}, time.Second)
	}()

	for range 2 {
		conn, err := net.Dial("tcp", ln.Addr().String())
		must(t, err)
		must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, rawGet("http://dp.invalid/SMS_DP_SMSPKG$/PS100015/a.cab", "Authorization: Bearer "+secret.Reveal()+"\r\n"))
		must(t, err)
		text, err := io.ReadAll(conn)
		must(t, err)
		conn.Close()
		if !strings.HasPrefix(string(text), "HTTP/1.1 500 ") {
			t.Errorf("the answer begins with %.40q, want a 500", text)
		}
		birds.expectClean(t, "the answer", string(text))
	}
	end()
	must(t, <-ended)
	front.Close()
	must(t, store.Close())
	if !strings.Contains(log.String(), "a request panicked") {
		t.Error("the log does not tell of the panic")
	}
	birds.expectClean(t, "the log", log.String())
	metrics := metricsOf(t, registry)
	if !strings.Contains(metrics, "branchpoint_request_panics_total 2") {
		t.Error("the metrics do not tell of two panics")
	}
	birds.expectClean(t, "the metrics", metrics)
}

var _ proxy.Origins = clumsy{}

// metricsOf is what a scrape of the registry gives.
func metricsOf(t testing.TB, registry *prometheus.Registry) string {
	t.Helper()
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
	return answer.Body.String()
}
