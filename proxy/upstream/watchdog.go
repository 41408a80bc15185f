package upstream

import (
	"context"
	"time"
)

// watchdog ends one request when nothing comes for too long. It watches only while somebody waits: a reader that takes its
// time is no fault of the server.
type watchdog struct {
	parent context.Context // of the caller
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	timer  *time.Timer
	unhook func() bool
}

// watch begins with a limit of d for the header of the answer. The request also ends with the pool.
func (p *pool) watch(ctx context.Context, d time.Duration) *watchdog {
	w := &watchdog{parent: ctx}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.unhook = context.AfterFunc(p.ctx, func() { w.cancel(errClosed) })
	w.timer = time.AfterFunc(d, func() { w.cancel(errNoAnswer) })
	return w
}

// headerCame ends the limit for the header; from now on each read has its own.
func (w *watchdog) headerCame() {
	w.timer.Stop()
	w.timer = time.AfterFunc(time.Hour, func() { w.cancel(errStalled) })
	w.timer.Stop()
}

// reading starts the limit for one read, rested ends it.
func (w *watchdog) reading(d time.Duration) { w.timer.Reset(d) }
func (w *watchdog) rested()                 { w.timer.Stop() }

// end gives everything back and ends the request when it is still running.
func (w *watchdog) end() {
	w.timer.Stop()
	w.unhook()
	w.cancel(context.Canceled)
}

// cause says why a request failed: context.Canceled when the caller went away for whatever reason, our own reason when we
// ended it, otherwise err.
func (w *watchdog) cause(err error) error {
	if w.parent.Err() != nil {
		return context.Canceled
	}
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return err
}
