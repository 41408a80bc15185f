package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestBlobCanary: a signature gets into nothing that can be printed, whatever becomes of it.
func TestBlobCanary(t *testing.T) {
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	s := newStore(t, newDP(t, randomBytes(65, 1000)), canary)
	p := testPool(t, Config{Registerer: reg, HeaderTimeout: 100 * time.Millisecond, StallTimeout: 100 * time.Millisecond,
		GiveUpAfter: 200 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	for name, script := range map[string]func(http.ResponseWriter, *http.Request){
		"served": s.serve, "refused": statusOf(403), "missing": statusOf(404), "broken": statusOf(500),
		"silent": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"redirected": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.RequestURI+"&again", http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.setScript(script)
			target := blobAt(t, p, s.URL, canary)
			target.Header = http.Header{"Authorization": {"Bearer " + canary}}
			src := p.Source(target)
			_, err1 := src.Stat(context.Background())
			_, _, err2 := readAll(t, src, nil, 0, 100)
			_, err3 := p.Ask(context.Background(), target)
			status, _ := json.Marshal(p.Status())
			metrics, _ := reg.Gather()
			all := fmt.Sprint(err1, err2, err3, string(status), metrics)
			offers := p.now.Load().offers.others(target.ID, newOffer("", nil, time.Time{}))
			for _, v := range []any{err1, err2, err3, src, target, offers, newOffer(canary, http.Header{"X": {canary}}, time.Now())} {
				text, _ := json.Marshal(v)
				all += fmt.Sprintf("%v %+v %#v %s", v, v, v, text)
			}
			if strings.Contains(all+log.String(), canary) {
				t.Errorf("the signature got out: %s %s", all, log.String())
			}
		})
	}
	if !strings.Contains(log.String(), "App.msi") {
		t.Error("the log does not even name the file: this proves nothing")
	}
}

// TestElsewhereCanary: nor does one that the site gave, whatever becomes of it there.
func TestElsewhereCanary(t *testing.T) {
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	own, other, site, _ := twoStores(t, 87)
	site.urls = []string{signedAt(other, canary)}
	own.setScript(statusOf(503))
	p := testPool(t, Config{Elsewhere: site, RootCAs: roots(other.fakeDP), Registerer: reg, HeaderTimeout: 100 * time.Millisecond,
		GiveUpAfter: 200 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	for name, script := range map[string]http.HandlerFunc{
		"served": other.serve, "refused": statusOf(403), "broken": statusOf(500),
		"redirected": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.RequestURI, http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			other.setScript(script)
			asked := other.requests.Load()
			src := p.Source(blobAt(t, p, own.URL, "a"))
			_, err1 := src.Stat(t.Context())
			_, _, err2 := readAll(t, src, nil, 0, 100)
			status, _ := json.Marshal(p.Status())
			metrics, _ := reg.Gather()
			all := fmt.Sprint(err1, err2, string(status), metrics)
			urls, err := site.Signed(t.Context(), "", "", "", 0)
			if err != nil || len(urls) != 1 {
				t.Fatal(urls, err)
			}
			r := &round{}
			src.(*source).accept(r, urls[0])
			for _, v := range []any{urls, urls[0], &urls[0], err1, err2, src, r} {
				text, _ := json.Marshal(v)
				all += fmt.Sprintf("%v %+v %#v %s", v, v, v, text)
			}
			slog.New(slog.NewJSONHandler(&log, nil)).Info("one", "url", urls[0])
			if strings.Contains(all+log.String(), canary) {
				t.Errorf("the URL got out: %s %s", all, log.String())
			}
			if other.requests.Load() == asked || !strings.Contains(log.String(), `"url":"redacted"`) {
				t.Error("nobody was asked: this proves nothing")
			}
		})
	}
}
