package ccm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Poll says how often the state of a registration is asked for. The record of a client travels through the site's
// servers, which takes seconds to minutes; an administrator may take days.
type Poll struct {
	// First is the first pause; each following one is twice as long. 0 is 30 s.
	First time.Duration
	// Longest bounds the pauses. 0 is 5 minutes.
	Longest time.Duration
}

// AwaitApproval asks for the state of the registration until the site has approved it, or says that it never will, or ctx
// ends. Each answer goes to report (unless that is nil), with its error: that the site cannot be reached, fails, or does not know the client
// yet ends nothing. It returns the last state it was told. The error is ErrNotApproved for a registration that is
// rejected or still pending, and ErrNotRegistered for one that has to be made anew.
func (c *Client) AwaitApproval(ctx context.Context, poll Poll, report func(Registration, error)) (Registration, error) {
	set(&poll.First, 30*time.Second)
	set(&poll.Longest, 5*time.Minute)
	var last Registration
	for pause := poll.First; ; pause = min(2*pause, poll.Longest) {
		r, err := c.Confirm(ctx)
		if err == nil {
			last = r
		}
		if report != nil && ctx.Err() == nil {
			report(r, err)
		}
		if done, err := settled(r, err); done {
			return last, err
		}
		select {
		case <-ctx.Done():
			return last, fmt.Errorf("await approval: %w (%w)", ErrNotApproved, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// settled tells whether asking again cannot change what was said.
func settled(r Registration, err error) (bool, error) {
	const op = "await approval"
	switch {
	case errors.Is(err, ErrNotRegistered):
		return true, err
	case err != nil:
		return false, nil
	}
	switch r.State() {
	case StateRegistered:
		return true, nil
	case StateReset:
		return true, &Error{Op: op, Kind: ErrNotRegistered}
	case StateRejected:
		return true, &Error{Op: op, Kind: ErrNotApproved}
	}
	return false, nil
}
