package upstream

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// source supplies one file.
type source struct {
	pool       *pool
	target     content.Target
	clientAuth bool // only the client's own headers may be used
	named      *location

	// Of a blob only.
	own   offer
	spent atomic.Bool // own was refused
}

var _ cache.Source = (*source)(nil)

// Format keeps the client's headers out of every dump.
func (s *source) Format(f fmt.State, _ rune) {
	io.WriteString(f, "upstream source of "+s.target.ID.Name())
}

// Stat asks each DP once, in a HEAD, until one knows the file.
func (s *source) Stat(ctx context.Context) (cache.Info, error) {
	r := s.newRound(nil)
	out := s.ask(ctx, r, query{method: http.MethodHead, mutable: s.target.ID.Mutable()})
	if out.verdict == served {
		return out.info, nil
	}
	if err := s.pool.ended(ctx); err != nil {
		return cache.Info{}, fmt.Errorf("asking what %s is: %w", s.target.ID.Name(), err)
	}
	err, _ := r.tally.verdict(s.target.ID.Mutable())
	return cache.Info{}, fmt.Errorf("asking what %s is: %w", s.target.ID.Name(), err)
}

// Open asks each DP once. An opening in the middle of an object that is known is part of a download which has begun: it
// keeps trying like a stream does. n < 1 means to the end of the object.
func (s *source) Open(ctx context.Context, want *cache.Info, off, n int64) (cache.Info, io.ReadCloser, error) {
	if off < 0 {
		return cache.Info{}, nil, fmt.Errorf("opening %s: offset %d is negative", s.target.ID.Name(), off)
	}
	if want != nil && off >= want.Size {
		return *want, nil, nil
	}
	st := newStream(ctx, s, want, off, n)
	st.patient = want != nil && off > 0
	if err := st.reopen(); err != nil {
		st.Close()
		return cache.Info{}, nil, fmt.Errorf("opening %s at %d: %w", s.target.ID.Name(), off, err)
	}
	if st.body.Load() == nil {
		st.Close()
		return *st.want, nil, nil
	}
	st.patient = true
	return *st.want, st, nil
}

// report tells the operator what a DP did. A file that is missing, or a door that is shut, is everyday.
func (s *source) report(ctx context.Context, loc *location, out outcome) {
	level := slog.LevelDebug
	if out.verdict == failed || out.lied {
		level = slog.LevelWarn
	}
	s.pool.cfg.Logger.Log(ctx, level, "distribution point did not serve",
		"host", loc.base.host, "content", s.target.ID.Name(), "outcome", out.name(), "reason", out.err.Error())
}
