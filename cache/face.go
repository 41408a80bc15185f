package cache

import (
	"context"
	"errors"
	"io"
	"time"
)

// Key names an object in the cache.
type Key struct {
	// Name is the object's whole identity; two objects never share one. It must hold no secret: it is stored in clear.
	Name string
	// Group joins objects that change together: a change seen in one makes all of them due for a check. Empty means no
	// group.
	Group string
	// Mutable says that the bytes behind Name may change. A mutable object is checked with its Source when its last
	// check is older than Config.CheckAfter, and each (size, Last-Modified) of it is a generation of its own.
	Mutable bool
	// Origin is where this client was told to look. Origins may disagree for a while about a mutable object; each sees its
	// own generation. It is not part of the identity.
	Origin string
}

// Info is what is known of an object besides its bytes. A reader sees one Info from its first byte to its last.
type Info struct {
	// Size in bytes. Zero is an empty object.
	Size int64
	// LastModified in whole seconds, UTC. Zero means that the origin gave none.
	LastModified time.Time
	// ETag as the first origin gave it, quotes included. It is not compared: ETags differ between origins.
	ETag string
	// ContentType as the first origin gave it. Empty means that it gave none.
	ContentType string
}

// Source supplies one object from elsewhere. A Source is used by several goroutines at once, and it may outlive the
// request that brought it: a fill that it started goes on when the client has left. It does its own retries and
// failover: an error from it is final for the fill that gets it.
type Source interface {
	// Stat returns what the object is, without its bytes.
	Stat(ctx context.Context) (Info, error)

	// Open returns a stream of the object's bytes from off on, and what the object is. n is how many bytes are wanted; the
	// stream may end after n bytes or go on to the end of the object, and never ends earlier without an error.
	// want is the Info that the bytes must belong to, nil when nothing is known yet. When upstream has another object,
	// Open, or a Read of the stream, fails with an error that is ErrChanged. With want nil, an off past the end is
	// answered with the Info and a nil stream. An empty object has a nil stream.
	Open(ctx context.Context, want *Info, off, n int64) (Info, io.ReadCloser, error)
}

var (
	// ErrChanged says that upstream no longer has the object that was asked for: another size or another Last-Modified.
	ErrChanged = errors.New("the object changed upstream")
	// ErrMissing says that there is no such object. It is an answer, not a failure. Sources wrap it; the cache passes it on
	// and forgets what it held of the object.
	ErrMissing = errors.New("no such object")
	// ErrRefused says that this Source is not let in. Sources wrap it. Another reader's Source may still be, so readers that
	// share a fill do not share this error.
	ErrRefused = errors.New("access to the object is refused")
	// ErrNoRange says that the object can only be had from its first byte on. Sources wrap it; the cache then fills the
	// object in one pass from its start.
	ErrNoRange = errors.New("the object is only to be had as a whole")
	// ErrUnreachable says that nobody could be asked. Sources wrap it: for a mutable object it lets the cache serve what it
	// has, unchecked.
	ErrUnreachable = errors.New("no origin can be reached")
)

// Use is what a request means to do with an object: hints, never limits.
type Use struct {
	// Client tells requesters apart, for eviction: use by a second client counts as a re-use at once. Any stable text.
	Client string
	// Offset and Length are the first range that will be read. Length 0 means "only the Info" (HEAD), -1 means to the end.
	Offset, Length int64
}
