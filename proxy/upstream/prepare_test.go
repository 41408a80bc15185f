package upstream

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
)

// reload puts a configuration into force.
func reload(t *testing.T, p *Pool, cfg Config) {
	t.Helper()
	commit, err := p.Prepare(cfg)
	if err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	commit()
}

// shown tells which DPs there are and how each did: "host:port requests state".
func shown(p *Pool) string {
	var lines []string
	for _, s := range p.Status() {
		line := fmt.Sprintf("%s %d %s", strings.TrimPrefix(s.URL, "http://"), s.Requests, s.State)
		if !s.Configured {
			line += " learned"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

func TestPrepareRefusesAndChangesNothing(t *testing.T) {
	data := randomBytes(60, 1000)
	dp := newDP(t, data)
	p := testPool(t, Config{Locations: at(dp)})
	mustRead(t, p.Source(targetAt(t, p, dp.URL, immutable)), nil, 0, 1000, data)
	before := fmt.Sprintf("%+v", p.Status())
	for name, cfg := range map[string]Config{
		"a location":        {Locations: []Location{{Base: "ftp://dp"}}},
		"one twice":         {Locations: append(at(dp), at(dp)...)},
		"a token in clear":  {Locations: []Location{{Base: dp.URL, TokenBase: "http://dp", Audience: "lab"}}},
		"a negative time":   {StallTimeout: -1},
		"a negative number": {FailuresToOpen: -1},
		"no such port":      {TokenEndpointPort: 70000},
	} {
		if commit, err := p.Prepare(cfg); err == nil || commit != nil {
			t.Errorf("%s: Prepare = %v, want an error and nothing to commit", name, err)
		}
	}
	if _, err := p.Prepare(Config{}); err != nil { // never committed
		t.Fatal(err)
	}
	if after := fmt.Sprintf("%+v", p.Status()); after != before {
		t.Errorf("the status was\n%s\nand is\n%s", before, after)
	}
}

// TestReloadKeepsWhatIsKnown: of those that are still there, configured or named.
func TestReloadKeepsWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(61, 1000)
		serve := serveFile(data, 1000, nil)
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serve, "b": serve, "c": serve})
		p := testPool(t, Config{Locations: lab("a", "b"), Dial: n.dial, CoolDown: time.Hour, FailuresToOpen: 1})
		read := func(host string) {
			mustRead(t, p.Source(targetAt(t, p, "http://"+host+":80", immutable)), nil, 0, 1000, data)
		}
		n.set("a", true)
		read("a")
		read("c")
		for _, tt := range []struct {
			what      string
			locations []Location
			want      string
		}{
			{"the same", lab("a", "b"), "a:80 1 open, b:80 1 closed, c:80 1 closed learned"},
			{"another order", lab("b", "a"), "b:80 1 closed, a:80 1 open, c:80 1 closed learned"},
			{"a learned one is configured", lab("c", "a", "b"), "c:80 1 closed, a:80 1 open, b:80 1 closed"},
			{"one is removed", lab("c", "a"), "c:80 1 closed, a:80 1 open"},
			{"it comes back", lab("c", "b", "a"), "c:80 1 closed, b:80 0 closed, a:80 1 open"},
			{"all are removed", nil, ""},
		} {
			reload(t, p, Config{Locations: tt.locations, CoolDown: time.Hour, FailuresToOpen: 1})
			if got := shown(p); got != tt.want {
				t.Errorf("%s: %s\nwant: %s", tt.what, got, tt.want)
			}
		}
	})
}

// TestReloadOfTheBreaker: what is known is measured anew.
func TestReloadOfTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(62, 1000)
		n := newMemoryNet(map[string]http.HandlerFunc{"a": serveFile(data, 1000, nil), "b": serveFile(data, 1000, nil)})
		p := testPool(t, Config{Locations: lab("a", "b"), Dial: n.dial, FailuresToOpen: 2, CoolDown: time.Second})
		n.set("a", true)
		read := func() { mustRead(t, p.Source(targetAt(t, p, "http://a:80", immutable)), nil, 0, 1000, data) }
		read()
		reload(t, p, Config{Locations: lab("a", "b"), FailuresToOpen: 3, CoolDown: time.Second})
		for _, want := range []string{"closed", "open"} {
			pass(2 * time.Second)
			read()
			if s := p.Status()[0]; s.State != want {
				t.Errorf("after %d failures of 3 it is %s, want %s", s.Failures, s.State, want)
			}
		}
	})
}

// TestARemovedDPIsNotAsked, neither as one of its hierarchy nor because it has served the content.
func TestARemovedDPIsNotAsked(t *testing.T) {
	data := randomBytes(63, 1000)
	kept, removed := newDP(t, data), newDP(t, data)
	kept.setScript(statusOf(http.StatusServiceUnavailable))
	p := testPool(t, Config{Locations: at(kept, removed), GiveUpAfter: time.Millisecond})
	mustRead(t, p.Source(targetAt(t, p, kept.URL, immutable)), nil, 0, 1000, data)
	reload(t, p, Config{Locations: at(kept), GiveUpAfter: time.Millisecond})
	before := removed.requests.Load()
	if _, _, err := readAll(t, p.Source(targetAt(t, p, kept.URL, immutable)), nil, 0, 1000); err == nil {
		t.Error("somebody has served, and nobody should")
	}
	if n := removed.requests.Load() - before; n != 0 {
		t.Errorf("a removed DP was asked %d times", n)
	}
	kept.setScript(nil)
	reload(t, p, Config{Locations: at(kept, removed)})
	mustRead(t, p.Source(targetAt(t, p, removed.URL, immutable)), nil, 0, 1000, data)
}

// TestReloadInTheMiddleOfADownload: it goes on as it began, at each of the DPs that it began with.
func TestReloadInTheMiddleOfADownload(t *testing.T) {
	data := randomBytes(64, 3<<20)
	first, second := newTLSDP(t, data), newTLSDP(t, data)
	half := make(chan struct{})
	first.setScript(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(data)-1, len(data)))
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(data[:1<<20])
		w.(http.Flusher).Flush()
		<-half
	})
	p := testPool(t, Config{Locations: at(first, second), RootCAs: roots(first, second)})
	source := p.Source(targetAt(t, p, first.URL, immutable))
	info, stream, err := source.Open(t.Context(), nil, 0, int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	got := make([]byte, 1<<20)
	if _, err := io.ReadFull(stream, got); err != nil {
		t.Fatal(err)
	}
	reload(t, p, Config{RootCAs: x509.NewCertPool(), StallTimeout: time.Nanosecond, GiveUpAfter: time.Nanosecond})
	close(half) // the DP ends in the middle
	rest, err := io.ReadAll(stream)
	if err != nil || !bytes.Equal(append(got, rest...), data) {
		t.Fatalf("after a reload in its middle the download has %d bytes, want %d: %v", len(got)+len(rest), len(data), err)
	}
	mustRead(t, source, &info, 5, 100, data)
	if _, _, err := readAll(t, p.Source(targetAt(t, p, first.URL, immutable)), nil, 0, 10); err == nil {
		t.Error("a certificate of roots that are trusted no more was accepted")
	}
}

// TestAThousandReloads leave neither goroutines nor connections behind, whether or not connections are made in another way.
func TestAThousandReloads(t *testing.T) {
	data := randomBytes(65, 100<<10)
	dp := newDP(t, data)
	var open atomic.Int64
	dial := (&net.Dialer{}).DialContext
	p := testPool(t, Config{Locations: at(dp), Dial: countConns(dial, &open)})
	warm := func() { mustRead(t, p.Source(targetAt(t, p, dp.URL, immutable)), nil, 0, 100<<10, data) }
	warm()
	goroutines := runtime.NumGoroutine()
	var old []cache.Source
	for i := range 1000 {
		reload(t, p, Config{Locations: at(dp), ConnectTimeout: time.Second + time.Duration(i/10)})
		if i%5 != 0 {
			continue
		}
		warm()
		if len(old) < 50 {
			old = append(old, p.Source(targetAt(t, p, dp.URL, immutable)))
		}
		mustRead(t, old[i/5%len(old)], nil, 0, 100<<10, data) // of a configuration long ago
	}
	if n := open.Load(); n > 3 {
		t.Errorf("%d connections are open, want those of the last configuration", n)
	}
	if n := runtime.NumGoroutine() - goroutines; n > 10 {
		t.Errorf("%d goroutines more than before", n)
	}
}

// countConns counts the connections that are open.
func countConns(dial dialFunc, open *atomic.Int64) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		open.Add(1)
		return &tellingConn{conn, sync.OnceFunc(func() { open.Add(-1) })}, nil
	}
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

type tellingConn struct {
	net.Conn
	closed func()
}

func (c *tellingConn) Close() error {
	c.closed()
	return c.Conn.Close()
}
