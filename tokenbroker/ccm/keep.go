package ccm

import (
	"context"
	"errors"
	"sync"
	"time"
)

// keepPause is how long a failed renewal is not tried again while the old token is still good, and how long one that gave a
// token which has ended is not at all.
const keepPause = 30 * time.Second

// TokenSource gives a token, and is told when it was not taken.
type TokenSource interface {
	// Token returns a token that is good for now. It is called by several goroutines at once.
	Token(ctx context.Context) (Token, error)
	// Forget says that a server refused t, so that the next Token is another one if there is another one.
	Forget(t Token)
}

// Kept is a TokenSource that keeps what it fetched, in memory only, and fetches once for all who wait. It prints as
// "redacted".
type Kept struct {
	sealed
	fetch  func(context.Context) (Token, error)
	ahead  time.Duration
	now    func() time.Time
	flight flight[Token]

	// mu guards what follows. It is not held while a token is fetched.
	mu    sync.Mutex
	token Token // zero: there is none
	due   time.Time
	ended error // why the last fetched token is of no use, until due. Nil: it is, or there was none
}

var _ TokenSource = (*Kept)(nil)

// Keep returns a source that gets its tokens from fetch, and another one when less than ahead is left of the last; of a
// token with a short life, when half of it is over. 0 is an hour: clients are reported to renew CCM tokens, which live 8
// hours, when about 7 are over. A token that does not say when it ends is kept until it is refused; one that has ended
// already is an error, since one of the clocks is wrong. now is the clock; nil is time.Now.
func Keep(fetch func(context.Context) (Token, error), ahead time.Duration, now func() time.Time) (*Kept, error) {
	if fetch == nil || ahead < 0 {
		return nil, errors.New("keep a token: there must be a way to fetch it, and a time that is not negative")
	}
	set(&ahead, time.Hour)
	if now == nil {
		now = time.Now
	}
	return &Kept{fetch: fetch, ahead: ahead, now: now}, nil
}

// Token returns the kept token, or fetches one. A token that is still good outlives a failed renewal. Without one a failed
// fetch is repeated by the next caller: somebody may just have signed in, and who asks a site waits after a failure anyway.
func (k *Kept) Token(ctx context.Context) (Token, error) {
	kept, good, due, _ := k.look()
	if good && !due {
		return kept, nil
	}
	t, err := k.flight.do(ctx, k.renew)
	if err != nil && good {
		return kept, nil
	}
	return t, err
}

// look returns the kept token, whether it may be used, whether it is time for another one, and why none is fetched until then.
func (k *Kept) look() (t Token, good, due bool, ended error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	good = !k.token.IsZero() && (k.token.Expires.IsZero() || now.Before(k.token.Expires))
	return k.token, good, !k.due.IsZero() && !now.Before(k.due), k.ended
}

func (k *Kept) renew(ctx context.Context) (Token, error) {
	t, good, due, ended := k.look()
	switch {
	case good && !due:
		return t, nil // it came between the caller's look and its turn
	case ended != nil && !due:
		return Token{}, ended
	}
	t, err := k.fetch(ctx)
	now := k.now()
	ended = nil
	if err == nil && !t.Expires.IsZero() && !now.Before(t.Expires) {
		ended = hasEnded(t, now)
		err = ended
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err != nil && ctx.Err() != nil:
		return Token{}, err
	case err != nil:
		k.due, k.ended = now.Add(keepPause), ended
		return Token{}, err
	}
	k.token, k.due, k.ended = t, time.Time{}, nil
	if !t.Expires.IsZero() {
		life := t.Expires.Sub(now)
		k.due = now.Add(max(life-k.ahead, life/2))
	}
	return t, nil
}

func hasEnded(t Token, now time.Time) error {
	return &Error{Op: "keep a token", Kind: ErrProtocol, Cause: flaw("the one that came ended at " +
		t.Expires.UTC().Format(time.RFC3339) + ", and here it is " + now.UTC().Format(time.RFC3339) + "; compare the clocks")}
}

// Forget drops t if it is the one that is kept.
func (k *Kept) Forget(t Token) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.token.Reveal() == t.Reveal() {
		k.token, k.due, k.ended = Token{}, time.Time{}, nil
	}
}
