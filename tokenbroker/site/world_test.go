package site

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

const testSMSID = "GUID:0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"

// world is a site with everything that it writes.
type world struct {
	*Site
	log      *syncBuffer
	registry *prometheus.Registry
}

// syncBuffer is a buffer for many goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newWorld is a site with those ways, "mp" first and then "cmg".
func newWorld(t testing.TB, config Config, ways ...*fake) *world {
	t.Helper()
	return newWorldOf(t, config, waysOf(ways...))
}

func newWorldOf(t testing.TB, config Config, ways []Way) *world {
	t.Helper()
	w := &world{log: &syncBuffer{}, registry: prometheus.NewRegistry()}
	config.Registerer = w.registry
	config.Logger = slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config.SiteAudience, config.SMSID = "site", testSMSID
	config.Ways = ways
	if config.Trusted == nil {
		config.Trusted = func(ccm.Location) bool { return true }
	}
	s, err := New(config)
	must(t, err)
	w.Site = s
	t.Cleanup(func() {
		must(t, s.Close(context.Background()))
		w.clean(t)
	})
	return w
}

func waysOf(ways ...*fake) (all []Way) {
	for i, f := range ways {
		all = append(all, Way{Name: []string{"mp", "cmg"}[i], Client: f})
	}
	return all
}

// clean fails when anything that the world writes holds a secret.
func (w *world) clean(t testing.TB) {
	t.Helper()
	status, err := json.Marshal(w.Status())
	must(t, err)
	text := w.log.String() + string(status) + fmt.Sprintf("%v %+v %#v", w.Status(), w.Status(), w.Status())
	families, err := w.registry.Gather()
	must(t, err)
	for _, f := range families {
		text += f.String()
	}
	if strings.Contains(text, canary) {
		t.Errorf("a secret shows: %.2000s", text)
	}
}

// result is the value of the counter of one way's questions that ended so.
func (w *world) result(t testing.TB, way, result string) (n float64) {
	t.Helper()
	families, err := w.registry.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == "branchpoint_site_requests_total" && labels["way"] == way && labels["result"] == result {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// located are the hosts of an answer, in their order.
func located(list []ccm.Location) string {
	var hosts []string
	for _, l := range list {
		hosts = append(hosts, hostOf(l.URL))
	}
	return strings.Join(hosts, " ")
}

// wants locates a content and checks the hosts, and how long it took. "error" stands for one that a chain goes on at.
func (w *world) wants(t *testing.T, c ccm.Content, way, hosts string, within time.Duration) {
	t.Helper()
	begun := time.Now()
	found, err := w.Locate(t.Context(), c, way)
	got := located(found.List)
	if err != nil {
		got = "error"
		if _, vouched := errors.AsType[tokenbroker.Failure](err); !vouched || !errors.Is(err, tokenbroker.ErrUnavailable) {
			t.Errorf("the error is %v: not one that a chain goes on at", err)
		}
	}
	if got != hosts {
		t.Errorf("%s by %q is at %q (%v), want %q", c.ID, way, got, err, hosts)
	}
	if took := time.Since(begun); took > within {
		t.Errorf("%s by %q took %v, want %v at most", c.ID, way, took, within)
	}
}

// state is what Status says of one way.
func (w *world) state(way string) WayStatus {
	for _, one := range w.Status().Ways {
		if one.Name == way {
			return one
		}
	}
	return WayStatus{}
}

// elapse lets d pass in the bubble of synctest.Test, and everything that was due in it end.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// canary is a secret that may show up nowhere.
const canary = "cAnArY-51ab07"
