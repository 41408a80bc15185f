// Package tokenbroker gives a request the token that its server wants, from whichever configured source has one.
//
// A token is good for an audience: the caller's name for all servers that take the same token. The broker keeps one
// token for each audience, in memory only, asks the sources ahead of its expiry, once for all callers, and once more
// when a server refuses it. No token can be printed: see Token. To which host a token may go is the caller's decision;
// the broker only ever touches the header that it is given.
package tokenbroker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxAudiences bounds what the broker remembers. A site has one audience for its own DPs and one for each cloud DP; the
// bound only matters when a local client makes up host names.
const maxAudiences = 1024

// newRecent is a map of audiences that forgets the one that was used least recently. Its owner locks it.
func newRecent[V any]() *simplelru.LRU[string, V] {
	recent, _ := simplelru.NewLRU[string, V](maxAudiences, nil) // fails only for a size below one
	return recent
}

// errClosed answers callers that come after Close.
var errClosed = errors.New("the token broker is closed")

// Broker hands out tokens. All methods may be called from many goroutines at once. Close it when done.
type Broker struct {
	terms   atomic.Pointer[terms] // changed under mu
	metrics *metrics
	log     *slog.Logger

	// flights counts the goroutines that ask sources, those that were given up included. They live on ctx, not on any
	// caller's context.
	flights sync.WaitGroup
	ctx     context.Context
	cancel  context.CancelFunc

	// mu guards what follows and every audience in it. It is never held while a source is asked; sources have locks of
	// their own, which are never held while mu is taken.
	mu        sync.Mutex
	audiences *simplelru.LRU[string, *audience]
	stamp     Stamp // the last one given out
	closed    bool
}

// New returns a broker for the sources of config. It refuses a configuration that cannot work, and says why.
func New(config Config) (*Broker, error) {
	config = config.withDefaults()
	first, err := newTerms(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &Broker{
		metrics:   newMetrics(),
		log:       config.Logger,
		ctx:       ctx,
		cancel:    cancel,
		audiences: newRecent[*audience](),
	}
	b.terms.Store(first)
	if err := b.metrics.register(config.Registerer, b); err != nil {
		cancel()
		return nil, fmt.Errorf("token broker: register metrics: %w", err)
	}
	return b, nil
}

// Close stops every fetch and waits for the sources to come back, until ctx ends. Callers that still wait for a token get
// an error.
func (b *Broker) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	done := make(chan struct{})
	// This goroutine outlives Close only when a source does not come back.
	go func() { b.flights.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for token sources to stop: %w", ctx.Err())
	}
}

// entry returns the state of the audience, making it when it is new. The caller holds mu.
func (b *Broker) entry(name string) *audience {
	a, ok := b.audiences.Get(name)
	if !ok {
		a = &audience{name: name}
		b.audiences.Add(name, a)
	}
	return a
}
