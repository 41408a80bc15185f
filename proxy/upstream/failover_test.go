package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"

	"branchpoint/cache"
)

// cutAfter serves the right answer, and drops the connection after n bytes of its body.
func (d *fakeDP) cutAfter(t *testing.T, n int64) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		off, length := asked(t, r)
		length = min(length, int64(len(d.data))-off)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+length-1, len(d.data)))
		w.Header().Set("Content-Length", fmt.Sprint(length))
		w.Header().Set("Last-Modified", d.modified.Format(http.TimeFormat))
		w.WriteHeader(http.StatusPartialContent)
		m := min(n, length)
		countingWriter{w, &d.sent}.Write(d.data[off : off+m])
		w.(http.Flusher).Flush()
		if m < length {
			panic(http.ErrAbortHandler)
		}
	}
}

// Whatever a DP does in the middle of a body, the reader gets each byte once and in order, and none is asked for twice.
func TestFailoverAtRandomOffsets(t *testing.T) {
	data := randomBytes(1, 300_000)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 40 {
		a, b := newDP(t, data), newDP(t, data)
		b.modified = modified.Add(1) // another DP may date the same bytes otherwise
		p := testPool(t, Config{Locations: at(a, b)})
		off := rnd.Int64N(int64(len(data)) - 1)
		n := 1 + rnd.Int64N(int64(len(data))-off)
		a.setScript(a.cutAfter(t, rnd.Int64N(n+1)))
		if i%4 == 0 {
			b.setScript(b.cutAfter(t, 1+rnd.Int64N(n))) // then both are cut, again and again
			a.setScript(a.cutAfter(t, 1+rnd.Int64N(n)))
		}
		mustRead(t, p.Source(targetAt(t, p, a.URL, immutable)), nil, off, n, data)
		if sent := a.sent.Load() + b.sent.Load(); sent != n {
			t.Fatalf("run %d: %d bytes were sent for %d", i, sent, n)
		}
		a.Close()
		b.Close()
	}
}

func TestShortPartsAreGoneOnWith(t *testing.T) {
	data := randomBytes(2, 10_000)
	a := newDP(t, data)
	a.setScript(func(w http.ResponseWriter, r *http.Request) {
		off, n := asked(t, r)
		n = min(n, 1000)
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
		a.serve(w, r)
	})
	p := testPool(t, Config{Locations: at(a)})
	mustRead(t, p.Source(targetAt(t, p, a.URL, immutable)), nil, 100, 9_000, data)
	if got := p.Status()[0]; got.Failures != 0 || got.Bytes != 9_000 {
		t.Errorf("a DP that sends short parts: %d failures, %d bytes; want none, 9000", got.Failures, got.Bytes)
	}
}

func TestWholeAnswerAtZeroGoesOnToTheEnd(t *testing.T) {
	data := randomBytes(3, 50_000)
	a := newDP(t, data)
	a.setScript(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		a.serve(w, r)
	})
	p := testPool(t, Config{Locations: at(a)})
	s := p.Source(targetAt(t, p, a.URL, immutable))
	got, _, err := readAll(t, s, nil, 0, 1000)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("a 200 to a range at 0: %d bytes, %v; want all %d", len(got), err, len(data))
	}
	if _, _, err = readAll(t, s, nil, 1000, 1000); !errors.Is(err, cache.ErrNoRange) {
		t.Errorf("a 200 to a range at 1000: %v, want ErrNoRange", err)
	}
}

func TestOffsetBehindTheEnd(t *testing.T) {
	for _, size := range []int{0, 1, 100} {
		data := randomBytes(4, size)
		a := newDP(t, data)
		p := testPool(t, Config{Locations: at(a)})
		info, rc, err := p.Source(targetAt(t, p, a.URL, immutable)).Open(context.Background(), nil, int64(size), 10)
		if err != nil || rc != nil || info.Size != int64(size) {
			t.Errorf("opening %d bytes at their end: size %d, stream %v, %v", size, info.Size, rc, err)
		}
	}
}

func TestNoMoreThanAsked(t *testing.T) {
	data := randomBytes(5, 1000)
	a := newDP(t, data)
	a.setScript(func(w http.ResponseWriter, _ *http.Request) { // chunked, with bytes behind the promised end
		w.Header().Set("Content-Range", "bytes 0-99/1000")
		w.WriteHeader(http.StatusPartialContent)
		w.Write(data[:200])
		w.(http.Flusher).Flush()
	})
	p := testPool(t, Config{Locations: at(a)})
	mustRead(t, p.Source(targetAt(t, p, a.URL, immutable)), nil, 0, 100, data)
}

func TestGoneCallerBlamesNobody(t *testing.T) {
	data := randomBytes(6, 100_000)
	a := newDP(t, data)
	ctx, cancel := context.WithCancelCause(context.Background())
	a.setScript(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Range", "bytes 0-99999/100000")
		w.WriteHeader(http.StatusPartialContent)
		w.Write(data[:10])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	p := testPool(t, Config{Locations: at(a)})
	_, rc, err := p.Source(targetAt(t, p, a.URL, immutable)).Open(ctx, nil, 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if _, err := io.ReadFull(rc, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	gone := errors.New("the reader left")
	cancel(gone)
	if _, err := rc.Read(make([]byte, 10)); !errors.Is(err, gone) {
		t.Errorf("reading after the caller left: %v", err)
	}
	if s := p.Status()[0]; s.Failures != 0 || s.LastError != "" {
		t.Errorf("the DP is blamed: %+v", s)
	}
}

func TestCloseEndsARead(t *testing.T) {
	a := newDP(t, make([]byte, 100))
	entered := make(chan struct{})
	a.setScript(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Range", "bytes 0-99/100")
		w.WriteHeader(http.StatusPartialContent)
		w.(http.Flusher).Flush()
		close(entered)
		<-r.Context().Done()
	})
	p := testPool(t, Config{Locations: at(a)})
	_, rc, err := p.Source(targetAt(t, p, a.URL, immutable)).Open(context.Background(), nil, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := rc.Read(make([]byte, 10))
		done <- err
	}()
	<-entered
	rc.Close()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a Read under which the stream is closed: %v", err)
	}
}
