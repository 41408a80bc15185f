package entra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// errNobody says that a person has to sign in before there are tokens.
var errNobody = errors.New("nobody has signed in")

// person gets tokens for somebody who signs in elsewhere. Callers do not wait for that, which may take days: while nobody has,
// they are told what there is to do. Each code is good for a quarter of an hour; the next one is got when somebody wants a
// token after that.
type person struct {
	flow    flow
	kept    *memory
	timeout time.Duration
	pause   time.Duration // before Entra is asked again, when it could not be asked whether somebody has signed in
	report  func(SignIn)
	now     func() time.Time
	log     *slog.Logger

	ctx  context.Context // of all sign-ins
	stop context.CancelFunc
	wg   sync.WaitGroup

	// mu guards what follows. It is not held while anything is sent.
	mu      sync.Mutex
	current *attempt // nil: nobody is asked to sign in
	fresh   *answer  // the token that a sign-in gave; nil: taken
}

// attempt is one code.
type attempt struct {
	shown  chan struct{} // closed when signIn, or failed, is set
	signIn SignIn
	failed error // why there is no code
}

func newPerson(config Config) (*person, error) {
	p := &person{
		kept: newMemory(config.CacheFile, config.Logger), timeout: config.Timeout, pause: 5 * time.Second,
		report: config.Report, now: config.Now, log: config.Logger,
	}
	var err error
	if p.flow, err = newFlow(config, p.kept); err != nil {
		return nil, err
	}
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p, nil
}

// token is a token, or what somebody has to do before there is one.
func (p *person) token(ctx context.Context) (answer, error) {
	if got := p.take(); got != nil {
		return *got, nil
	}
	got, err := p.flow.silent(ctx)
	if !errors.Is(err, errNobody) {
		return got, err
	}
	a := p.ask()
	select {
	case <-a.shown:
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	if a.failed != nil {
		return answer{}, a.failed
	}
	if got := p.take(); got != nil { // somebody was quick
		return *got, nil
	}
	return answer{}, waiting{a.signIn}
}

func (p *person) take() *answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.fresh
	p.fresh = nil
	if got != nil && !got.expires.IsZero() && !p.now().Before(got.expires) {
		return nil // nobody wanted it in time
	}
	return got
}

// ask is the sign-in that is under way; it begins one when there is none.
func (p *person) ask() *attempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		a := &attempt{shown: make(chan struct{})}
		p.current = a
		p.wg.Go(func() { p.run(a) })
	}
	return p.current
}

// run asks for a code, and waits until somebody has entered it or it has ended.
func (p *person) run(a *attempt) {
	ctx, seen := withNote(p.ctx)
	got, err := p.signIn(ctx, a)
	if err != nil {
		err = failure(p.ctx, seen, err)
	}
	p.mu.Lock()
	if err == nil {
		p.fresh = &got
	}
	p.current = nil
	p.mu.Unlock()
	select {
	case <-a.shown:
		if err != nil && p.ctx.Err() == nil {
			p.log.Warn("nobody signed in to Microsoft Entra", "reason", err.Error())
		}
	default:
		a.failed = err
		close(a.shown)
	}
}

func (p *person) signIn(ctx context.Context, a *attempt) (answer, error) {
	if err := p.kept.forget(); err != nil { // of two who have signed in the library would take either
		return answer{}, err
	}
	inTime, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	shown, wait, err := p.flow.begin(inTime)
	if err != nil {
		return answer{}, err
	}
	a.signIn = shown
	close(a.shown)
	p.report(shown)
	return p.await(ctx, shown, wait)
}

// await waits until somebody has signed in. A line that is away for a moment does not end the sign-in: somebody may be typing
// the code just now.
func (p *person) await(ctx context.Context, shown SignIn, wait func(context.Context) (answer, error)) (answer, error) {
	for {
		got, err := wait(ctx)
		over := !time.Now().Before(shown.Until) // by the clock of the library, which set it
		switch kind := kindOf(noted(ctx).last()); {
		case err == nil || ctx.Err() != nil:
			return got, err
		case over && errors.Is(err, context.DeadlineExceeded):
			return answer{}, fmt.Errorf("%w: nobody did before the code ended", ErrSignIn)
		case over || !errors.Is(kind, ccm.ErrUnreachable) && !errors.Is(kind, ccm.ErrServer):
			return answer{}, err
		}
		select {
		case <-time.After(p.pause):
		case <-ctx.Done():
			return answer{}, ctx.Err()
		}
	}
}

func (p *person) close(ctx context.Context) error {
	p.stop()
	done := make(chan struct{})
	go func() { // ends when all sign-ins have, which p.stop has told to
		p.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
