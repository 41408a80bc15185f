package upstream

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// misbehave answers each request in another wrong way, or rightly.
func (d *fakeDP) misbehave(t *testing.T, rnd func(n int64) int64) func(http.ResponseWriter, *http.Request) {
	part := func(shift, total int64) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			off, n := asked(t, r)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off+shift, off+shift+n-1, int64(len(d.data))+total))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(make([]byte, n))
		}
	}
	faults := []func(http.ResponseWriter, *http.Request){
		d.serve, part(1, 10), part(0, 1), statusOf(503), statusOf(404), statusOf(401),
		func(w http.ResponseWriter, r *http.Request) { d.cutAfter(t, rnd(50_000))(w, r) },
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"x"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(d.data)))
			w.Write(make([]byte, len(d.data)))
		},
	}
	return func(w http.ResponseWriter, r *http.Request) {
		choice := rnd(int64(len(faults)))
		if off, _ := asked(t, r); off == 0 && choice == int64(len(faults)-1) {
			choice = 0 // a 200 at 0 with wrong bytes is no lie that anybody could see
		}
		faults[choice](w, r)
	}
}

// Many readers, two DPs that lie, cut and refuse at random, and one that is honest: no reader sees an error or a wrong byte.
func TestChaos(t *testing.T) {
	data := randomBytes(60, 200_000)
	var mu sync.Mutex
	src := rand.New(rand.NewPCG(3, 4))
	rnd := func(n int64) int64 {
		mu.Lock()
		defer mu.Unlock()
		return src.Int64N(n)
	}
	a, b, honest := newDP(t, data), newDP(t, data), newDP(t, data)
	a.setScript(a.misbehave(t, rnd))
	b.setScript(b.misbehave(t, rnd))
	p := testPool(t, Config{Locations: at(a, b, honest), FailuresToOpen: 3, CoolDown: time.Millisecond, CoolDownMax: 2 * time.Millisecond})
	var readers sync.WaitGroup
	for i := range 8 {
		readers.Go(func() {
			named := []*fakeDP{a, b}[i%2] // each is asked first by some; who only comes second may be asked once, and say 404
			for range 40 {
				s := p.Source(targetAt(t, p, named.URL, immutable))
				off := rnd(int64(len(data)))
				n := 1 + rnd(int64(len(data))-off)
				got, _, err := readAll(t, s, infoFor(data), off, n)
				if err != nil || len(got) < int(n) || !bytes.Equal(got, data[off:int(off)+len(got)]) {
					t.Errorf("reading %d+%d: %d bytes, %v", off, n, len(got), err)
				}
			}
		})
	}
	readers.Wait()
	for i, s := range p.Status()[:2] {
		if s.Requests == 0 || s.LastError == "" {
			t.Errorf("DP %d was never at fault: this proves nothing", i)
		}
	}
}
