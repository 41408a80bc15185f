package upstream

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"branchpoint/cache"
)

const (
	// firstPause is the wait after the first round in which nobody served; it doubles up to maxPause.
	firstPause = 250 * time.Millisecond
	maxPause   = 10 * time.Second
	// minProgress is how many bytes of an answer that broke off earn its DP another turn at once. One that breaks off after a
	// few bytes each time would otherwise be asked again and again, and the next one never.
	minProgress = 16 << 10
)

// stream is the bytes of one object from an offset on, from as many DPs as it takes, each byte once.
type stream struct {
	src    *source
	ctx    context.Context
	cancel context.CancelFunc

	// Owned by the reader.
	want     *cache.Info // nil until somebody answered
	pos, end int64       // end is 0 until somebody answered
	n        int64       // asked for; < 1 means to the end
	patient  bool        // keep trying in rounds
	got      int         // bytes of the answer that is being read
	round    *round      // the candidates left in this turn; nil: all
	pause    time.Duration
	progress time.Time // when the last byte came

	// body is the answer that is being read. Close takes it from the reader.
	body atomic.Pointer[body]
}

func newStream(ctx context.Context, s *source, want *cache.Info, off, n int64) *stream {
	st := &stream{src: s, want: want, pos: off, n: n, pause: firstPause, progress: time.Now()}
	st.ctx, st.cancel = context.WithCancel(ctx)
	return st
}

// Read implements io.Reader. It ends with io.EOF behind the last byte that was asked for, or the last of the object.
func (st *stream) Read(buf []byte) (int, error) {
	if len(buf) == 0 {
		return 0, nil
	}
	for st.pos < st.end {
		b := st.body.Load()
		if b == nil {
			if err := st.reopen(); err != nil {
				return 0, fmt.Errorf("reading %s at %d: %w", st.src.target.ID.Name(), st.pos, err)
			}
			continue
		}
		n, err := b.Read(buf[:min(int64(len(buf)), st.end-st.pos)])
		if n > 0 {
			st.pos += int64(n)
			st.got += n
			st.progress = time.Now()
		}
		if err != nil {
			st.body.CompareAndSwap(b, nil)
			b.Close()
			if err == io.EOF || st.got >= minProgress {
				st.round, st.pause = nil, firstPause
			}
			st.lost(b, err)
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, io.EOF
}

// lost tells that a DP did not finish what it began. The end of a part is none of that.
func (st *stream) lost(b *body, err error) {
	if err == io.EOF || st.src.pool.ended(st.ctx) != nil {
		return
	}
	if st.round != nil {
		st.round.note(b.loc, outcome{err: err})
	}
	st.src.report(st.ctx, b.loc, outcome{err: err})
}

// reopen finds a DP for the next byte. Each candidate has one turn; when all had theirs, a patient stream
// waits and begins again, until nothing came for too long.
func (st *stream) reopen() error {
	pool := st.src.pool
	for {
		if err := pool.ended(st.ctx); err != nil {
			return err
		}
		if st.round == nil {
			st.round = st.src.newRound(st.want)
		}
		out := st.src.ask(st.ctx, st.round, st.query())
		if out.verdict == served {
			st.take(out)
			return nil
		}
		if err := pool.ended(st.ctx); err != nil {
			return err
		}
		if st.round.tally.busy > 0 { // others are making progress there: our turn comes, but not if they never end
			if time.Since(st.progress) >= pool.cfg.GiveUpAfter {
				return &unreachableError{cause: errBusy, timeout: true}
			}
			st.round = nil
			continue
		}
		err, final := st.round.tally.verdict(st.src.target.ID.Mutable())
		if final || !st.patient || time.Since(st.progress)+st.pause > pool.cfg.GiveUpAfter {
			return err
		}
		st.round = nil
		if err := st.rest(); err != nil {
			return err
		}
	}
}

// query asks for what is still missing.
func (st *stream) query() query {
	n := st.n
	if st.end > 0 {
		n = st.end - st.pos
	}
	return query{method: http.MethodGet, off: st.pos, n: n, want: st.want, mutable: st.src.target.ID.Mutable()}
}

// take goes on with an answer. The first one settles what the object is and where the stream ends: a DP that sends the
// whole object unasked may go on to its end.
func (st *stream) take(out outcome) {
	if st.want == nil {
		st.want = &out.info
	}
	if st.end == 0 {
		st.end = st.want.Size
		if whole := out.status == http.StatusOK; !whole && st.n > 0 && st.n < st.want.Size-st.pos {
			st.end = st.pos + st.n
		}
	}
	st.got = 0
	if out.body != nil {
		st.body.Store(out.body)
		if st.ctx.Err() != nil { // Close may have come before the Store
			st.dropBody()
		}
	}
}

// rest waits before the next round, a little at random so that streams which failed together do not come back together.
func (st *stream) rest() error {
	t := time.NewTimer(st.pause/2 + rand.N(st.pause/2))
	defer t.Stop()
	st.pause = min(2*st.pause, maxPause)
	select {
	case <-t.C:
		return nil
	case <-st.ctx.Done():
	case <-st.src.pool.ctx.Done():
	}
	return st.src.pool.ended(st.ctx)
}

// Close ends the stream, also under a Read of another goroutine, which then fails.
func (st *stream) Close() error {
	st.cancel()
	st.dropBody()
	return nil
}

func (st *stream) dropBody() {
	if b := st.body.Swap(nil); b != nil {
		b.Close()
	}
}

var _ io.ReadCloser = (*stream)(nil)
