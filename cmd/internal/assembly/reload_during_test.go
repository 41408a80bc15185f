package assembly

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/configs"
)

func TestReloadBySignal(t *testing.T) {
	r := newRig(t, twoListeners)
	signals, loaded := make(chan os.Signal), make(chan struct{}, 3)
	load := r.load
	r.load = func() (*configs.Config, error) {
		defer func() { loaded <- struct{}{} }()
		return load()
	}
	end := r.during(t.Context(), signals)
	for range 3 {
		signals <- os.Interrupt // which one it is does not matter
		<-loaded
	}
	end()
	if _, err := r.Reload(); err == nil || err.Error() != errEnding.Error() {
		t.Errorf("a reload at the end: %v", err)
	}
}

// TestReloadBySignalThatNeverEnds: its files are on a share that is gone, and the program ends nevertheless.
func TestReloadBySignalThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals, gone := make(chan os.Signal), make(chan struct{})
		r := &reloader{log: silent(), load: func() (*configs.Config, error) {
			<-gone
			return nil, os.ErrDeadlineExceeded
		}}
		end := r.during(t.Context(), signals)
		signals <- os.Interrupt
		synctest.Wait()
		begun := time.Now()
		end()
		if took := time.Since(begun); took != reloadPatience {
			t.Errorf("the end took %v, want %v", took, reloadPatience)
		}
		close(gone)
	})
}

// TestReloadThatComesTooLate: it was reading when the program began to end. Nobody waits for it, and it changes nothing.
func TestReloadThatComesTooLate(t *testing.T) {
	r := newRig(t, twoListeners)
	before := r.state()
	r.write(strings.Replace(twoListeners, "dp1", "dp2", 1))
	reading, gone, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	load := r.load
	r.load = func() (*configs.Config, error) {
		close(reading)
		<-gone
		return load()
	}
	end := r.during(t.Context(), nil)
	go func() {
		_, err := r.Reload()
		ended <- err
	}()
	<-reading
	end()
	close(gone)
	if err := <-ended; err == nil || err.Error() != errEnding.Error() {
		t.Errorf("the reload: %v", err)
	}
	if after := r.state(); after != before {
		t.Errorf("it was\n%sand is\n%s", before, after)
	}
}
