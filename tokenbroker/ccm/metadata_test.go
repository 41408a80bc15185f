package ccm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestDocumentsOutliveTheSite checks how long a document is used, and what happens when the site cannot be asked.
func TestDocumentsOutliveTheSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &documents{answer: serving(200, testMPList, "ETag", `"1"`)}
		b := testBootstrap(t, d, func(c *BootstrapConfig) { c.MaxStale = 24 * time.Hour })
		began := time.Now()
		expect := func(when string, requests int, trouble, failure error, fetched time.Time) {
			t.Helper()
			_, from, err := b.ManagementPoints(t.Context())
			if !errors.Is(err, failure) || !errors.Is(from.Trouble, trouble) || err == nil && !from.Fetched.Equal(fetched) || d.count() != requests {
				t.Fatalf("%s: %v, %+v, %d requests; want %v, %v, %v, %d", when, err, from, d.count(), failure, trouble, fetched, requests)
			}
		}
		expect("first", 1, nil, nil, began)
		time.Sleep(time.Hour - time.Second)
		expect("fresh", 1, nil, nil, began)
		time.Sleep(2 * time.Second)
		d.answer = serving(304, "", "ETag", `"1"`)
		renewed := time.Now()
		expect("not modified", 2, nil, nil, renewed)
		if got := d.asked[1].Header.Get("If-None-Match"); got != `"1"` {
			t.Errorf("asked for a change of %q", got)
		}
		expect("fresh again", 2, nil, nil, renewed)

		time.Sleep(2 * time.Hour)
		d.answer = failing
		expect("no line", 3, ErrUnreachable, nil, renewed)
		expect("not asked again at once", 3, ErrUnreachable, nil, renewed)
		for i, c := range []struct {
			answer  func(http.ResponseWriter, *http.Request) error
			trouble error
		}{
			{serving(503, ""), ErrServer}, {serving(401, ""), ErrExpired}, {serving(403, "403.7"), ErrCertificateRequired}, {serving(302, ""), ErrRedirected},
			{serving(404, ""), ErrProtocol}, {serving(200, "<html>Please log in</html>"), ErrProtocol}, {serving(200, ""), ErrRefused}, {serving(200, strings.Repeat("x", maxMetadata+1)), ErrProtocol},
			{serving(200, `<!DOCTYPE MPList><MPList/>`), ErrProtocol},
		} {
			time.Sleep(metadataPause)
			d.answer = c.answer
			expect("a site in trouble", 4+i, c.trouble, nil, renewed)
		}
		time.Sleep(metadataPause)
		d.answer = serving(200, testMPList)
		healed := time.Now()
		expect("the site is back", 13, nil, nil, healed)
		time.Sleep(24*time.Hour + time.Second)
		d.answer = failing
		expect("too old", 14, nil, ErrUnreachable, time.Time{})
		expect("nothing is left", 15, nil, ErrUnreachable, time.Time{})
	})
}

// TestDocumentsOutliveARestart checks that a box that starts without its line to the site has what it had.
func TestDocumentsOutliveARestart(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "made", "for", "it")
	ask := func(d *documents, kept bool) (ManagementPoints, Source, error) {
		config := BootstrapConfig{URL: "http://mp01.example.org", Transport: d}
		if kept {
			config.Store = folder
		}
		b, err := NewBootstrap(config)
		must(t, err)
		defer func() { must(t, b.Close()) }()
		return b.ManagementPoints(t.Context())
	}
	first, _, err := ask(&documents{answer: serving(200, testMPList, "Cache-Control", "no-cache", "Date", "Mon, 01 Jan 1990 00:00:00 GMT")}, true)
	must(t, err)
	again, from, err := ask(&documents{answer: failing}, true)
	if err != nil || !errors.Is(from.Trouble, ErrUnreachable) || fmt.Sprint(again) != fmt.Sprint(first) || time.Since(from.Fetched) > time.Minute {
		t.Errorf("after a restart: %v (%v), from %+v", again, err, from)
	}
	if _, _, err := ask(&documents{answer: failing}, false); !errors.Is(err, ErrUnreachable) {
		t.Errorf("without a store: %v", err)
	}
	files, err := os.ReadDir(folder)
	must(t, err)
	for _, f := range files {
		name := filepath.Join(folder, f.Name())
		raw, err := os.ReadFile(name)
		must(t, err)
		raw[len(raw)-1] ^= 1
		must(t, os.WriteFile(name, raw, 0o600))
	}
	if _, _, err := ask(&documents{answer: failing}, true); len(files) != 1 || !errors.Is(err, ErrUnreachable) {
		t.Errorf("%d files; a damaged one gives %v", len(files), err)
	}
}

// TestWhatIsNotKept checks that the guard keeps from the store what must not be in it.
func TestWhatIsNotKept(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request) error
		files  int
	}{
		{"plain", serving(200, testMPList), 1},
		{"server says otherwise, but not how long", serving(200, testMPList, "Cache-Control", "public"), 1},
		{"to be asked for each time", serving(200, testMPList, "Cache-Control", "no-cache"), 1},
		{"names our token as what it varies by", serving(200, testMPList, "Vary", "Authorization"), 1},
		{"private", serving(200, testMPList, "Cache-Control", "private, max-age=100"), 0},
		{"no-store", serving(200, testMPList, "Cache-Control", "No-Store"), 0},
		{"with a cookie", serving(200, testMPList, "Set-Cookie", "a=b"), 0},
		{"refused, for a time", serving(401, testMPList, "Cache-Control", "max-age=100"), 0},
		{"missing", serving(404, testMPList, "Cache-Control", "max-age=100"), 0},
		{"a page", serving(200, "<html/>", "Cache-Control", "max-age=100"), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			d := &documents{answer: c.answer}
			b := testBootstrap(t, d, func(config *BootstrapConfig) {
				config.URL, config.Store = "https://cmg.example.org/CCM_Proxy_ServerAuth/7", folder
				config.CCMToken = &oneToken{token: testToken(t, canary)}
			})
			_, _, _ = b.ManagementPoints(t.Context())
			if got := d.asked[0].Header.Get("Authorization"); got != "Bearer "+canary {
				t.Errorf("the token was shown as %q", got)
			}
			files, err := os.ReadDir(folder)
			must(t, err)
			if len(files) != c.files {
				t.Errorf("%d files are kept, want %d", len(files), c.files)
			}
			for _, f := range files {
				raw, err := os.ReadFile(filepath.Join(folder, f.Name()))
				must(t, err)
				if bytes.Contains(raw, []byte(canary)) {
					t.Errorf("the token is in %s", raw)
				}
			}
		})
	}
}

// TestDocumentIsFetchedOnce checks that many who ask at once cost one request.
func TestDocumentIsFetchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &documents{answer: func(w http.ResponseWriter, r *http.Request) error {
			time.Sleep(time.Second)
			return serving(200, testMPList)(w, r)
		}}
		b := testBootstrap(t, d, nil)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if all, _, err := b.ManagementPoints(t.Context()); err != nil || len(all.List) != 2 {
					t.Errorf("got %v, %v", all, err)
				}
			})
		}
		wg.Wait()
		if d.count() != 1 {
			t.Errorf("%d requests, want 1", d.count())
		}
	})
}

// TestGivingUpIsNoTrouble checks that a caller who gives up does not keep the next one from asking.
func TestGivingUpIsNoTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &documents{answer: serving(200, testMPList)}
		b := testBootstrap(t, d, nil)
		_, _, err := b.ManagementPoints(t.Context())
		must(t, err)
		time.Sleep(2 * time.Hour)
		d.answer = func(_ http.ResponseWriter, r *http.Request) error { <-r.Context().Done(); return r.Context().Err() }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, _ = b.ManagementPoints(ctx)
		d.answer = serving(200, testMPList)
		if _, from, err := b.ManagementPoints(t.Context()); err != nil || from.Trouble != nil || d.count() != 3 {
			t.Errorf("the next one gets %v, %+v after %d requests", err, from, d.count())
		}
	})
}
