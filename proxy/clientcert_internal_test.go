package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// quietHost is a host that takes handshakes and asks for no certificate; while it is a black hole nothing comes back.
type quietHost struct {
	hole      atomic.Bool
	forbidden atomic.Bool
	dials     atomic.Int32
	server    *tls.Config
}

func (h *quietHost) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	h.dials.Add(1)
	switch {
	case h.forbidden.Load():
		return nil, &ForbiddenError{}
	case h.hole.Load():
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		_ = tls.Server(theirs, h.server).Handshake()
	}()
	return ours, nil
}

// newQuietHost makes one, and what learns of it.
func newQuietHost(t *testing.T) (*quietHost, *demands) {
	authority, roots := newAuthority(t), x509.NewCertPool()
	roots.AddCert(authority.cert)
	cert, _ := authority.Certificate("dp1")
	h := &quietHost{server: &tls.Config{Certificates: []tls.Certificate{*cert}}}
	var in atomic.Pointer[terms]
	in.Store(&terms{roots: roots})
	d := newDemands(Config{Dial: h.dial}, &in, func(cause any) { t.Errorf("a panic: %v", cause) })
	t.Cleanup(d.close)
	return h, d
}

// wantAsks wants an answer that took a time.
func wantAsks(t *testing.T, d *demands, what string, want bool, took time.Duration) {
	t.Helper()
	began := time.Now()
	got, err := d.asks(t.Context(), "dp1:443")
	if got != want || err != nil || time.Since(began) != took {
		t.Errorf("%s: asks = %v, %v after %v, want %v after %v", what, got, err, time.Since(began), want, took)
	}
}

// TestLateDemandStays: what a host has asked for after a request is not forgotten for a handshake without a word of it.
func TestLateDemandStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d := newQuietHost(t)
		wantAsks(t, d, "at first", false, 0)
		d.noteError("dp1:443", &net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")})
		wantAsks(t, d, "another error", false, 0)
		d.noteError("dp1:443", &net.OpError{Op: "local error", Err: errors.New("tls: no renegotiation")})
		for _, wait := range []time.Duration{0, 11 * time.Minute, 12 * time.Hour, 11 * time.Hour} {
			<-time.After(wait)
			wantAsks(t, d, wait.String()+" later", true, 0)
			if !d.remembers("dp1:443") {
				t.Errorf("%v later it is not remembered", wait)
			}
		}
		<-time.After(time.Hour)
		wantAsks(t, d, "a day later", false, 0)
		d.noteError("dp1:443", &net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")})
		wantAsks(t, d, "in the handshake", true, 0)
		<-time.After(11 * time.Minute)
		wantAsks(t, d, "which the next one gainsays", false, 0)
		if n := h.dials.Load(); n != 3 {
			t.Errorf("%d handshakes, want 3", n)
		}
	})
}

// TestBlackHole: only the first client waits for a host that says nothing. The others get the answer of before.
func TestBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d := newQuietHost(t)
		h.hole.Store(true)
		wantAsks(t, d, "at first", false, probeTimeout)
		for minute := range 5 {
			<-time.After(doubtAge)
			before := h.dials.Load()
			for range 50 {
				wantAsks(t, d, "in doubt", false, 0)
			}
			synctest.Wait()
			if n := h.dials.Load() - before; n != 1 {
				t.Errorf("minute %d: %d handshakes, want 1", minute, n)
			}
			<-time.After(probeTimeout)
			wantAsks(t, d, "after the handshake", false, 0)
		}
		h.hole.Store(false)
		h.server.ClientAuth = tls.RequestClientCert
		<-time.After(doubtAge)
		wantAsks(t, d, "it is back", false, 0)
		synctest.Wait()
		wantAsks(t, d, "it is back, and asks", true, 0)
		h.hole.Store(true)
		<-time.After(demandAge)
		wantAsks(t, d, "away again", true, probeTimeout)
		h.hole.Store(false)
		h.forbidden.Store(true)
		<-time.After(doubtAge)
		wantAsks(t, d, "in doubt", true, 0)
		synctest.Wait()
		var forbidden *ForbiddenError
		if _, err := d.asks(t.Context(), "dp1:443"); !errors.As(err, &forbidden) {
			t.Errorf("it is never dialled: %v", err)
		}
	})
}

// TestNobodyWaitsForABlackHole: a handshake that is under way ends with the proxy.
func TestNobodyWaitsForABlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, d := newQuietHost(t)
		h.hole.Store(true)
		wantAsks(t, d, "at first", false, probeTimeout)
		<-time.After(doubtAge)
		wantAsks(t, d, "in doubt", false, 0)
		synctest.Wait()
		began := time.Now()
		d.close()
		if took := time.Since(began); took > 0 || h.dials.Load() != 2 {
			t.Errorf("the end took %v, after %d handshakes", took, h.dials.Load())
		}
	})
}
