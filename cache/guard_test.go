package cache

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
)

// clumsy panics with what it must not tell, once, at the moment that is named.
type clumsy struct {
	*fakeSource
	moment string
}

const neverTold = "Bearer neverTold"

func (s *clumsy) trip(moment string) {
	s.set(func(*fakeSource) {
		if s.moment == moment {
			s.moment = ""
			panic(neverTold)
		}
	})
}

func (s *clumsy) Stat(ctx context.Context) (Info, error) {
	s.trip("stat")
	return s.fakeSource.Stat(ctx)
}

func (s *clumsy) Open(ctx context.Context, want *Info, off, n int64) (Info, io.ReadCloser, error) {
	if want == nil {
		s.trip("first open")
	} else {
		s.trip("open")
	}
	info, stream, err := s.fakeSource.Open(ctx, want, off, n)
	return info, clumsyStream{stream, s}, err
}

type clumsyStream struct {
	io.ReadCloser
	s *clumsy
}

func (f clumsyStream) Read(p []byte) (int, error) {
	f.s.trip("read")
	return f.ReadCloser.Read(p)
}

func (f clumsyStream) Close() error {
	f.s.trip("close")
	return f.ReadCloser.Close()
}

// TestASourceThatPanics: who waited for that answer gets an error, everybody else goes on, and nothing tells what was in the
// panic.
func TestASourceThatPanics(t *testing.T) {
	for _, moment := range []string{"stat", "first open", "open", "read", "close"} {
		t.Run(moment, func(t *testing.T) {
			var log bytes.Buffer
			c := mustNew(t, Config{Directory: fastDir(t), scrubEvery: -1, ParallelWindows: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			src := &clumsy{newSource(newTruth(1, 9*sliceBytes)), moment}
			length := int64(-1)
			if moment == "stat" {
				length = 0 // or the first question is an opening
			}
			err := readAll(t.Context(), c, src, length)
			settle(c)
			if asking := moment == "stat" || moment == "first open"; asking && err == nil {
				t.Error("an object that nobody could tell of was opened")
			}
			if err != nil && strings.Contains(err.Error(), neverTold) {
				t.Errorf("the error tells what was in the panic: %v", err)
			}
			if text := log.String(); strings.Count(text, "stack=") != 1 || strings.Contains(text, neverTold) {
				t.Errorf("the log tells %q, want the stack once and not what was in the panic", text)
			}
			if err := readAll(t.Context(), c, src, -1); err != nil {
				t.Errorf("the next reader gets %v", err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			checkQuiet(t, c)
		})
	}
}

func readAll(ctx context.Context, c *Cache, src *clumsy, length int64) error {
	r, err := c.Open(ctx, Key{Name: "o"}, src, Use{Length: length})
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = r.WriteRange(&judge{t: src.t}, 0, r.Info().Size)
	return err
}
