package upstream

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// body is the body of one answer: exactly the bytes from pos to end, or an error.
type body struct {
	pool     *pool
	loc      *location
	wd       *watchdog
	from     io.ReadCloser
	began    time.Time
	release  func()
	pos, end int64 // owned by the reader

	once sync.Once
}

// Read returns io.EOF only when the last promised byte has come. What a server sends beyond is not looked at.
func (b *body) Read(buf []byte) (int, error) {
	if b.pos == b.end {
		b.finish(nil)
		return 0, io.EOF
	}
	b.wd.reading(b.pool.cfg.StallTimeout)
	n, err := b.from.Read(buf[:min(int64(len(buf)), b.end-b.pos)])
	b.wd.rested()
	b.pos += int64(n)
	b.pool.received(b.loc, n)
	switch {
	case b.pos == b.end:
		b.finish(nil)
		return n, nil
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && b.wd.ctx.Err() == nil:
		err = errShort
	default:
		err = printable(b.wd.cause(err))
	}
	b.finish(err)
	return n, err
}

// Close gives the connection back; a body that is not at its end is given up, which blames nobody.
func (b *body) Close() error {
	b.finish(context.Canceled)
	return nil
}

// finish settles the account of this request once: nil when all bytes came, context.Canceled when nobody wants them any
// more, otherwise what went wrong.
func (b *body) finish(err error) {
	b.once.Do(func() {
		out := outcome{verdict: served, err: err}
		switch {
		case err == nil:
			b.loc.health.delivered()
		case errors.Is(err, context.Canceled), errors.Is(err, errClosed):
			out.verdict = canceled
			b.loc.health.forget()
		default:
			out.verdict = failed
			b.loc.health.failed(b.began, err.Error())
		}
		b.pool.metrics.asked(b.loc, out)
		if err != nil {
			b.wd.end() // before Close, which would wait for a read that is under way
		}
		b.from.Close()
		b.wd.end()
		b.release()
	})
}
