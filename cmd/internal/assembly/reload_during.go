package assembly

import (
	"context"
	"os"
	"time"
)

// reloadPatience is how long the end waits for a reload that a signal has begun. It may be reading from a share that is gone.
const reloadPatience = 2 * time.Second

// during reloads for each signal until what it returns is called, or ctx ends. After that no reload changes anything, also none
// that has begun before.
func (r *reloader) during(ctx context.Context, signals <-chan os.Signal) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-signals:
				_, _ = r.Reload() // the log tells
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		r.close()
		select {
		case <-ended:
		case <-time.After(reloadPatience):
			r.log.Warn("a reload of the configuration is still reading files, and is left behind; it changes nothing any more")
		}
	}
}

// commit puts changes into force, unless what they are for is being taken down.
func (r *reloader) commit(all *changes) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errEnding
	}
	all.commit()
	return nil
}

func (r *reloader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

func (r *reloader) ending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}
