package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// LinkConfig describes a wide-area link.
type LinkConfig struct {
	// RTT is the round trip time. It is spent on the way from the DP to the client, once more when a connection is made.
	// Zero is no delay.
	RTT time.Duration
	// Rate in bytes a second, for all connections together. Zero is no limit.
	Rate int64
	// Window is how many bytes one connection has under way at most, like TCP's. Zero means 8 MiB.
	Window int
}

// Link is a wide-area link, shared by all connections that it shapes. Only the direction from the DP to the clients is
// slow, which is where the bytes are. It is safe for concurrent use.
type Link struct {
	window int
	bucket *rate.Limiter
	conns  sync.WaitGroup

	mu  sync.Mutex
	rtt time.Duration
}

const (
	linkPiece  = 16 << 10 // what takes its turn on the link at once
	linkWindow = 8 << 20
)

// NewLink checks the configuration.
func NewLink(c LinkConfig) (*Link, error) {
	if c.RTT < 0 || c.Rate < 0 || c.Window < 0 {
		return nil, errors.New("new link: round trip, rate and window cannot be negative")
	}
	l := &Link{window: max(orDefault(c.Window, linkWindow), linkPiece), bucket: rate.NewLimiter(rate.Inf, 2*linkPiece)}
	return l, l.Set(c.RTT, c.Rate)
}

// Set changes round trip and rate (0: no limit) of a link in use; it holds for what is sent from then on.
func (l *Link) Set(rtt time.Duration, bytesPerSecond int64) error {
	if rtt < 0 || bytesPerSecond < 0 {
		return fmt.Errorf("set a link to %v and %d bytes a second: neither can be negative", rtt, bytesPerSecond)
	}
	limit := rate.Limit(bytesPerSecond)
	if bytesPerSecond == 0 {
		limit = rate.Inf
	}
	l.bucket.SetLimit(limit)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rtt = rtt
	return nil
}

func (l *Link) delay() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rtt
}

// Shape wraps a connection that a server accepted. What is written to it takes its turn on the link and arrives a round
// trip later; Close delivers what is under way first.
func (l *Link) Shape(inner net.Conn) net.Conn { return l.shape(inner, &l.conns) }

// shape starts the delivery as one of a group, whose owner waits for it.
func (l *Link) shape(inner net.Conn, group *sync.WaitGroup) *farConn {
	ctx, cancel := context.WithCancel(context.Background())
	c := &farConn{
		Conn:    inner,
		link:    l,
		ctx:     ctx,
		cancel:  cancel,
		under:   make(chan parcel, l.window/linkPiece+1),
		settled: time.Now().Add(l.delay()),
	}
	group.Go(c.deliver)
	return c
}

// Wait returns when every connection that Shape returned is closed and has delivered.
func (l *Link) Wait() { l.conns.Wait() }
