package sim

import (
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newTestLink(t *testing.T, c LinkConfig) *Link {
	t.Helper()
	l, err := NewLink(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// between checks a time that the bubble's clock measured.
func between(t *testing.T, what string, got, low, high time.Duration) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s took %v, want %v to %v", what, got, low, high)
	}
}

func TestLinkDelaysButDoesNotStopAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLink(t, LinkConfig{RTT: 80 * time.Millisecond})
		near, inner := net.Pipe()
		far := l.Shape(inner)
		started := time.Now()
		go func() {
			for range 50 {
				if _, err := far.Write(make([]byte, 1000)); err != nil {
					t.Error(err)
				}
			}
			_ = far.Close()
		}()
		data, err := io.ReadAll(near)
		if err != nil || len(data) != 50_000 {
			t.Errorf("%d bytes, %v", len(data), err)
		}
		between(t, "fifty writes", time.Since(started), 80*time.Millisecond, 81*time.Millisecond)
		l.Wait()
	})
}

func TestLinkRateIsSharedByConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLink(t, LinkConfig{RTT: 80 * time.Millisecond, Rate: 12_500_000})
		started := time.Now()
		var readers sync.WaitGroup
		for range 4 {
			near, inner := net.Pipe()
			far := l.Shape(inner)
			go func() {
				if _, err := far.Write(make([]byte, 12_500_000/4)); err != nil {
					t.Error(err)
				}
				_ = far.Close()
			}()
			readers.Go(func() {
				if n, err := io.Copy(io.Discard, near); err != nil || n != 12_500_000/4 {
					t.Errorf("%d bytes, %v", n, err)
				}
				between(t, "one of four", time.Since(started), time.Second, 1100*time.Millisecond)
			})
		}
		readers.Wait()
		l.Wait()
	})
}

func TestLinkWindowBoundsOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLink(t, LinkConfig{RTT: 100 * time.Millisecond, Window: 64 << 10})
		near, inner := net.Pipe()
		far := l.Shape(inner)
		started := time.Now()
		go func() {
			if _, err := far.Write(make([]byte, 10*64<<10)); err != nil {
				t.Error(err)
			}
			_ = far.Close()
		}()
		if n, err := io.Copy(io.Discard, near); err != nil || n != 10*64<<10 {
			t.Errorf("%d bytes, %v", n, err)
		}
		between(t, "ten windows", time.Since(started), time.Second, 1001*time.Millisecond)
		l.Wait()
	})
}

func TestLinkConnectCostsARoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLink(t, LinkConfig{RTT: 80 * time.Millisecond})
		near, inner := net.Pipe()
		far := l.Shape(inner)
		started := time.Now()
		go func() {
			buf := make([]byte, 1)
			for range 2 {
				if _, err := far.Read(buf); err != nil {
					t.Error(err)
				}
				if _, err := far.Write(buf); err != nil {
					t.Error(err)
				}
			}
			_ = far.Close()
		}()
		for _, want := range []time.Duration{160 * time.Millisecond, 240 * time.Millisecond} {
			if _, err := near.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if _, err := near.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			between(t, "question and answer", time.Since(started), want, want+time.Millisecond)
		}
		l.Wait()
	})
}

func TestLinkDropsWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestLink(t, LinkConfig{RTT: time.Hour, Rate: 1})
		_, inner := net.Pipe()
		far := l.Shape(inner).(*farConn)
		time.AfterFunc(time.Second, far.drop)
		if _, err := far.Write(make([]byte, 1<<20)); err == nil {
			t.Error("a megabyte got onto a dropped connection")
		}
		_ = far.Close()
		l.Wait()
	})
}

func TestLinkRefuses(t *testing.T) {
	for _, c := range []LinkConfig{{RTT: -1}, {Rate: -1}, {Window: -1}} {
		if _, err := NewLink(c); err == nil {
			t.Errorf("%+v: accepted", c)
		}
	}
	if err := newTestLink(t, LinkConfig{}).Set(-1, 0); err == nil {
		t.Error("a negative round trip is accepted")
	}
}

// TestDPOverALink is coarse: real sockets, real time.
func TestDPOverALink(t *testing.T) {
	l := NewLibrary()
	publish(t, l, testPackage, FileSpec{Path: "a", Size: 2_500_000})
	d := newTestDP(t, DPConfig{Library: l, Link: newTestLink(t, LinkConfig{RTT: 40 * time.Millisecond, Rate: 12_500_000})})
	p, err := NewPlain(ClientConfig{Library: l})
	if err != nil {
		t.Fatal(err)
	}
	r := p.Get(t.Context(), d.Location(VdirPlain, testPackage)+"/a")
	if r.Err != nil || r.FirstByte < 80*time.Millisecond || r.Took < 270*time.Millisecond || r.Took > 2*time.Second {
		t.Errorf("%v, first byte after %v, all after %v", r.Err, r.FirstByte, r.Took)
	}
	in := inject(t, d, Fault{Kind: FaultReset, After: 1 << 20})
	if r := p.Get(t.Context(), d.Location(VdirPlain, testPackage)+"/a"); r.Err == nil || in.Strikes() != 1 {
		t.Errorf("reset over a link: %v", r.Err)
	}
}
