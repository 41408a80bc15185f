package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"text/template"
	"time"

	_ "embed"

	"branchpoint/cmd/internal/assembly"
	"branchpoint/configs"
	"branchpoint/integration/sim"
)

//go:embed demo.yaml
var configuration string

// stage is what the demonstration plays on: the site, Branchpoint, and what became of each client.
type stage struct {
	options options
	site    *sim.Site
	dir     string // holds the cache, the log and the keys of this run
	log     *os.File
	proxy   *url.URL
	admin   string
	stop    context.CancelFunc
	ended   chan error

	mu      sync.Mutex
	results []result
}

// result is what one client got.
type result struct {
	client, what string
	bytes        int64
	took         time.Duration
	note         string
}

// openStage starts the site and Branchpoint.
func openStage(ctx context.Context, o options) (s *stage, err error) {
	s = &stage{options: o, ended: make(chan error, 1)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "branchpoint-demo"); err != nil {
		return s, err
	}
	library, err := sim.DemoLibrary(int64(o.mb) * 1_000_000)
	if err != nil {
		return s, err
	}
	s.site, err = sim.StartSite(sim.SiteConfig{
		Library: library, Link: &sim.LinkConfig{RTT: 20 * time.Millisecond, Rate: int64(o.rate) * 1_000_000 / 8},
	})
	if err != nil {
		return s, err
	}
	return s, s.serve(ctx)
}

// serve starts Branchpoint as its command does, and waits until it answers.
func (s *stage) serve(ctx context.Context) error {
	text, err := s.configure()
	if err != nil {
		return err
	}
	config, err := configs.Parse(text)
	if err != nil {
		return err
	}
	if s.log, err = os.Create(filepath.Join(s.dir, "branchpoint.log")); err != nil {
		return err
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	log := slog.New(slog.NewTextHandler(s.log, nil))
	go func() { s.ended <- assembly.Serve(ctx, assembly.Options{Config: config, Version: "demo", Log: log}) }()
	for {
		resp, err := http.Get(s.admin + "/healthz")
		if err == nil {
			resp.Body.Close()
			return nil
		}
		select {
		case err := <-s.ended:
			s.ended <- nil
			return fmt.Errorf("branchpoint: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// configure fills in what only this run knows: ports and paths.
func (s *stage) configure() ([]byte, error) {
	proxy, err := freeAddress()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s.proxy, s.admin = &url.URL{Scheme: "http", Host: proxy}, "http://"+admin
	roots, token := filepath.Join(s.dir, "sms-issuing.pem"), filepath.Join(s.dir, "token")
	err = errors.Join(os.WriteFile(roots, s.site.CA.PEM(), 0o600), os.WriteFile(token, []byte(s.site.Token.Reveal()), 0o600))
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = template.Must(template.New("demo").Parse(configuration)).Execute(&text, map[string]any{
		"Proxy": proxy, "Admin": admin, "Roots": filepath.ToSlash(roots), "Token": filepath.ToSlash(token),
		"Directory": filepath.ToSlash(s.dir), "First": s.site.First, "Second": s.site.Second,
	})
	return text.Bytes(), err
}

func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// close ends everything in reverse.
func (s *stage) close() {
	if s.stop != nil {
		s.stop()
		if err := <-s.ended; err != nil {
			fmt.Fprintln(os.Stderr, "demo: branchpoint:", err)
		}
	}
	if s.log != nil {
		s.log.Close()
	}
	if s.site != nil {
		s.site.Close()
	}
	os.RemoveAll(s.dir)
}

// invite tells how to play with what is running.
func (s *stage) invite(w io.Writer) {
	fmt.Fprintf(w, `
Still running. Try
  curl -x %s -o /dev/null '%s/sccm?/media/install.wim'
  curl -s %s/api/v1/status
  tail -f %s
Ctrl-C ends it.
`, s.proxy, s.site.Second.Location(sim.VdirPlain, sim.DemoPackage), s.admin, s.log.Name())
}
