package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const canary = "CANARY-3f9c"

// canaryTokens hands out the canary, a new stamp each time.
type canaryTokens struct {
	mu sync.Mutex
	n  uint64
}

func (c *canaryTokens) Authorize(_ context.Context, _ string, h http.Header) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	h.Set("X-Token", canary)
	return c.n, nil
}

func (c *canaryTokens) Another(ctx context.Context, audience string, _ uint64, _ string, h http.Header) (uint64, error) {
	return c.Authorize(ctx, audience, h)
}

func (c *canaryTokens) Refused(string, uint64, string) {}

func (c *canaryTokens) Accepted(string, uint64, string) {}

// Whatever a server does with a token, even sending it back, no log, error, metric, status or dump holds it.
func TestCanary(t *testing.T) {
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	d := newTLSDP(t, randomBytes(50, 1000))
	p := testPool(t, Config{
		Locations: []Location{{Base: d.URL, Audience: "site"}}, RootCAs: roots(d), Tokens: &canaryTokens{}, Registerer: reg,
		Logger:        slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		HeaderTimeout: 100 * time.Millisecond, StallTimeout: 100 * time.Millisecond, GiveUpAfter: 300 * time.Millisecond,
	})
	raw := func(text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			io.WriteString(conn, strings.ReplaceAll(text, "TOKEN", r.Header.Get("X-Token")))
			conn.Close()
		}
	}
	for name, script := range map[string]func(http.ResponseWriter, *http.Request){
		"served":            d.serve,
		"refused":           statusOf(401),
		"broken":            statusOf(500),
		"redirected":        raw("HTTP/1.1 302 TOKEN\r\nLocation: http://TOKEN/TOKEN\r\n\r\n"),
		"echo in status":    raw("HTTP/1.1 500 TOKEN\r\n\r\n"),
		"echo as protocol":  raw("TOKEN TOKEN TOKEN\r\n\r\n"),
		"echo as header":    raw("HTTP/1.1 200 OK\r\nTOKEN\r\n\r\n"),
		"echo as coding":    raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: TOKEN\r\n\r\n"),
		"echo as length":    raw("HTTP/1.1 200 OK\r\nContent-Length: TOKEN\r\n\r\n"),
		"echo as range":     raw("HTTP/1.1 206 OK\r\nContent-Range: bytes TOKEN\r\n\r\n"),
		"echo as bad chunk": raw("HTTP/1.1 206 OK\r\nContent-Range: bytes 0-99/1000\r\nTransfer-Encoding: chunked\r\n\r\nTOKEN\r\n"),
		"silent":            func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			d.setScript(script)
			target := targetAt(t, p, d.URL, tokenTarget)
			target.Header = http.Header{"X-Client": {canary}, "Authorization": {"Bearer " + canary}}
			s := p.Source(target)
			_, err1 := s.Stat(context.Background())
			_, _, err2 := readAll(t, s, nil, 0, 100)
			_, err3 := p.Ask(context.Background(), target)
			status, _ := json.Marshal(p.Status())
			metrics, _ := reg.Gather()
			all := fmt.Sprint(err1, err2, err3, string(status), metrics)
			for _, v := range []any{err1, err2, err3, s} {
				all += fmt.Sprintf("%v %+v %#v", v, v, v)
			}
			if strings.Contains(all+log.String(), canary) {
				t.Errorf("the token got out: %s %s", all, log.String())
			}
			if seen := d.lastHeader(); seen.Get("X-Client") != canary {
				t.Error("the canary was never sent: this proves nothing")
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	a, b := newDP(t, randomBytes(51, 1000)), newDP(t, randomBytes(51, 1000))
	a.setScript(a.cutAfter(t, 300))
	p := testPool(t, Config{Locations: at(a, b), Registerer: reg, FailuresToOpen: 1})
	mustRead(t, p.Source(targetAt(t, p, a.URL, immutable)), nil, 0, 1000, b.data)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := strings.TrimPrefix(f.GetName(), "branchpoint_upstream_")
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			got[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	hostA, hostB := strings.TrimPrefix(a.URL, "http://"), strings.TrimPrefix(b.URL, "http://")
	want := map[string]float64{
		"bytes_total " + hostA: 300, "bytes_total " + hostB: 700,
		"requests_total " + hostA + " failed": 1, "requests_total " + hostB + " served": 1,
		"first_byte_seconds " + hostA: 1, "first_byte_seconds " + hostB: 1,
		"breaker_state " + hostA: 2, "breaker_state " + hostB: 0,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("metrics are\n%v\nwant\n%v", got, want)
	}
}
