package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker"
)

const testSecret = "a-token-that-nobody-guesses"

// stage is what a Server is asked about, in memory.
type stage struct {
	state        cache.Status
	objects      []cache.Object
	points       []upstream.LocationStatus
	listeners    []Listener
	interception proxy.Interception
	reload       func() (Reloaded, error)
	scrubbing    chan struct{} // a scrub ends when it is closed
	broker       *tokenbroker.Broker
	kitchen      kitchen
	registry     *prometheus.Registry
	work         sync.WaitGroup
	log          book
}

// book is a log that several goroutines write.
type book struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

func (s *stage) Status() cache.Status { return s.state }

// Names returns them backwards: no order is promised.
func (s *stage) Names() (names []string) {
	for _, o := range slices.Backward(s.objects) {
		if !slices.Contains(names, o.Name) {
			names = append(names, o.Name)
		}
	}
	return names
}

func (s *stage) Generations(name string) (list []cache.Object) {
	for _, o := range s.objects {
		if o.Name == name {
			list = append(list, o)
		}
	}
	return list
}

func (s *stage) Scrub(time.Duration) (compared, bad int) {
	<-s.scrubbing
	return 12, 1
}

func (s *stage) Pin(name string, pinned bool) (found bool) {
	for i := range s.objects {
		if s.objects[i].Name == name {
			s.objects[i].Pinned, found = pinned, true
		}
	}
	return found
}

func (s *stage) Remove(name string) bool {
	before := len(s.objects)
	s.objects = slices.DeleteFunc(s.objects, func(o cache.Object) bool { return o.Name == name })
	return len(s.objects) < before
}

type points struct{ s *stage }

func (p points) Status() []upstream.LocationStatus { return p.s.points }

// newStage returns a healthy site with a real token broker.
func newStage(t *testing.T) *stage {
	t.Helper()
	source, err := tokenbroker.NewTaskSequenceSource(tokenbroker.TaskSequenceConfig{Name: "task-sequence", Variable: "X"})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{
		state: cache.Status{State: cache.StateOK, MaxBytes: 1 << 30, FreeBytes: 5 << 30, Counted: true},
		listeners: []Listener{{Name: "local", Kind: "forward", Address: "127.0.0.1:8080", URL: "http://127.0.0.1:8080",
			Entitlement: "machine", Up: true}},
		interception: proxy.Interception{On: true, Hosts: []proxy.InterceptedHost{{Name: "dp1", Intercepted: true, Connections: 3}}},
		registry:     prometheus.NewRegistry(),
		scrubbing:    make(chan struct{}),
	}
	s.broker, err = tokenbroker.New(tokenbroker.Config{
		Sources: []tokenbroker.Source{source}, Registerer: s.registry, Logger: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.work.Wait()
		if err := s.broker.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *stage) config(t *testing.T) Config {
	t.Helper()
	token, err := NewToken(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Version: "v1.2.3", Token: token,
		Listeners: func() []Listener { return s.listeners }, Store: s, Contents: s, Upstreams: points{s}, Tokens: s.broker, Learned: &lessons{}, Precache: &s.kitchen,
		Interception: func() proxy.Interception { return s.interception },
		Reload:       func() (Reloaded, error) { return s.reload() },
		Registry:     s.registry, Background: s.work.Go,
		Logger: slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

func (s *stage) server(t *testing.T, change ...func(*Config)) *Server {
	t.Helper()
	config := s.config(t)
	for _, c := range change {
		c(&config)
	}
	server, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// ask puts one request to a server, as localhost.
func ask(t *testing.T, server http.Handler, method, path, body string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Host = "localhost:8081"
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	return w.Result()
}

// change is ask with the admin token.
func change(t *testing.T, server http.Handler, method, path, body string) *http.Response {
	t.Helper()
	return ask(t, server, method, path, body, "Authorization", "Bearer "+testSecret)
}

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// decode wants a status and reads the JSON behind it.
func decode[T any](t *testing.T, resp *http.Response, status int) (v T) {
	t.Helper()
	body := readAll(t, resp)
	if resp.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", resp.StatusCode, status, body)
	}
	want := "application/json"
	if status >= 400 {
		want = "application/problem+json"
	}
	if got := resp.Header.Get("Content-Type"); got != want {
		t.Errorf("Content-Type is %q, want %q", got, want)
	}
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// wantProblem wants a complete problem of a status, and returns it.
func wantProblem(t *testing.T, resp *http.Response, status int) Problem {
	t.Helper()
	p := decode[Problem](t, resp, status)
	if p.Type != "about:blank" || p.Title != http.StatusText(status) || p.Status != status || p.Detail == "" {
		t.Errorf("the problem is not complete: %+v", p)
	}
	return p
}

func TestNewRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"no version":    func(c *Config) { c.Version = "" },
		"no token":      func(c *Config) { c.Token = Token{} },
		"no listeners":  func(c *Config) { c.Listeners = nil },
		"no store":      func(c *Config) { c.Store = nil },
		"no contents":   func(c *Config) { c.Contents = nil },
		"no upstreams":  func(c *Config) { c.Upstreams = nil },
		"no tokens":     func(c *Config) { c.Tokens = nil },
		"none learned":  func(c *Config) { c.Learned = nil },
		"no registry":   func(c *Config) { c.Registry = nil },
		"no background": func(c *Config) { c.Background = nil },
	} {
		t.Run(name, func(t *testing.T) {
			config := newStage(t).config(t)
			spoil(&config)
			if _, err := New(config); err == nil {
				t.Error("it was taken")
			}
		})
	}
	t.Run("a registry with our metrics", func(t *testing.T) {
		config := newStage(t).config(t)
		if _, err := New(config); err != nil {
			t.Fatal(err)
		}
		if _, err := New(config); err == nil {
			t.Error("it was taken twice")
		}
	})
}
