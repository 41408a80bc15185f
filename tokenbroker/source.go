package tokenbroker

import (
	"context"
	"errors"
	"time"
)

// ErrUnavailable says that a source has no token for the audience. Only this lets the chain go on to the next source:
// any other error means that the source should have had one, and stops the chain where someone can see it.
var ErrUnavailable = errors.New("no token is available")

// Source is one place that may have a token.
type Source interface {
	// Name tells sources apart in logs, metrics and status. It is constant and holds no secret.
	Name() string
	// Token returns a token for the audience. It should return soon after ctx ends: one that does not is given up, and the
	// source is not asked until it has returned. An error that is ErrUnavailable means that there is none here. The text of
	// an error is shown to nobody unless it is a Failure. It is called by several goroutines at once.
	Token(ctx context.Context, audience string) (Token, error)
}

// Forgetter is what a source implements that answers from memory: Forget says that a server refused t, so that the next
// Token asks the place itself again.
type Forgetter interface {
	Forget(audience string, t Token)
}

// Dropper is what a source implements that remembers tokens: Drop says that no server takes those for the audience any more.
type Dropper interface {
	Drop(audience string)
}

// Observer is what a source implements that learns tokens from the requests of clients. None of it may block.
type Observer interface {
	// Offer takes a token that a client presented, and tells whether it is a new one. Its expiry is set.
	Offer(audience string, t Token) bool
	// Accept says that a server let in a token of this source. Tokens that were never accepted do not push it out.
	Accept(audience string, t Token)
	// Offered returns what there is, the best first: Token is the first of it.
	Offered(audience string) []Token
}

// Setter is what a source implements that is handed its tokens by someone.
type Setter interface {
	// Put takes a token in place of the last one for the audience. Its expiry is set. Put must not block.
	Put(audience string, t Token)
}

// Failure is an error text that its maker vouches for: it holds no secret, and so it may be logged and shown. Sources
// put one in the chain of errors that they return when there is something to say.
type Failure string

// Error is the text itself.
func (f Failure) Error() string { return string(f) }

// sourceTimeout bounds one answer of one source. A management point over a slow line answers well within it.
const sourceTimeout = 30 * time.Second
