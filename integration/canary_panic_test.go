package integration

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
)

// clumsy panics with whatever the client's credential was, which is the worst that a bug could do.
type clumsy struct{}

func (clumsy) Hierarchy(content.Target) string { return "default" }

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
		text := answerToPanic(t, ln.Addr().String(), "Authorization: Bearer "+secret.Reveal()+"\r\n")
		if !strings.HasPrefix(text, "HTTP/1.1 500 ") {
			t.Errorf("the answer begins with %.40q, want a 500", text)
		}
		birds.expectClean(t, "the answer", text)
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
	if !panicCounted.MatchString(metrics) {
		t.Errorf("the metrics do not tell of two panics: %s", metrics)
	}
	birds.expectClean(t, "the metrics", metrics)
}

// answerToPanic sends a request that panics, and returns all that comes back.
func answerToPanic(t *testing.T, address, header string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, rawGet("http://dp.invalid/SMS_DP_SMSPKG$/PS100015/a.cab", header))
	must(t, err)
	text, err := io.ReadAll(conn)
	must(t, err)
	return string(text)
}

// panicCounted is the counter of panics at two, as a metric prints.
var panicCounted = regexp.MustCompile(`name:"branchpoint_request_panics_total"[^}]*\{value:2\b`)

var _ proxy.Origins = clumsy{}

// metricsOf is every metric with its labels and value.
func metricsOf(t testing.TB, registry *prometheus.Registry) string {
	t.Helper()
	families, err := registry.Gather()
	must(t, err)
	return fmt.Sprint(families)
}
