package site

import (
	"context"
	"sync"
	"time"
)

// circuit leaves alone what failed a moment ago, and then lets one question at a time find out whether it works again.
type circuit struct {
	mu sync.Mutex // guards all below

	first time.Duration // of the pauses

	// pause is the one that began with the last failure, and until its end. A pause of 0 means that nothing is wrong.
	pause time.Duration
	until time.Time
	// trial is the question that finds out, closed at its end. Nil: there is none.
	trial chan struct{}
	// slow says that somebody has given up waiting for an answer that is still due.
	slow bool
	// phase counts the changes between working and failing. A failure of a question from an earlier phase tells nothing new.
	phase uint64

	// What there is to show. The zero kind: nobody has asked yet.
	now    kind
	since  time.Time
	lastOK time.Time
	failed *trouble // the last one ever
	at     time.Time
}

// pass lets one question through a circuit.
type pass struct {
	phase uint64
	trial bool
	// unasked says that nobody wanted to know but we ourselves: a failure makes the pause no longer then, or a server that was away
	// for a night would be found back later than one that was away for a minute.
	unasked bool
}

// tune makes first the length of the pauses to come.
func (c *circuit) tune(first time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first = first
}

// look tells whether an answer is to be expected soon. The error is why there is no use in asking now. Neither: somebody has
// to find out.
func (c *circuit) look(now time.Time) (ready bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pause > 0 && now.Before(c.until) {
		return false, c.resting()
	}
	return c.pause == 0 && !c.slow, nil
}

// resting is the error of the pause. The caller holds mu.
func (c *circuit) resting() error {
	return newTrouble(c.failed.text+" (asked again at "+c.until.UTC().Format(time.TimeOnly)+" UTC)", c.failed)
}

// enter lets a question through, or says why not. While another one finds out, it waits for the result.
func (c *circuit) enter(ctx context.Context, clock func() time.Time) (pass, error) {
	for {
		p, wait, err := c.admit(clock())
		if wait == nil {
			return p, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return pass{}, ctx.Err()
		}
	}
}

func (c *circuit) admit(now time.Time) (p pass, wait <-chan struct{}, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.pause == 0:
	case now.Before(c.until):
		return pass{}, nil, c.resting()
	case c.trial != nil:
		return pass{}, c.trial, nil
	default:
		c.trial = make(chan struct{})
		return pass{phase: c.phase, trial: true}, nil, nil
	}
	return pass{phase: c.phase}, nil, nil
}

// retry ends the pause: somebody is to find out at once.
func (c *circuit) retry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = time.Time{}
}

// lag says that somebody has given up waiting.
func (c *circuit) lag() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slow = true
}

// change is what an outcome did to a circuit.
type change int

const (
	none   change = iota
	opened        // it failed, and had not, or not in this way
	closed        // it works, and had not, or was never asked
)

// leave takes the outcome of a question. A nil f is a good one; what was given up has no outcome and abandons its pass.
func (c *circuit) leave(p pass, f *trouble, now time.Time) change {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endTrial(p)
	c.slow = false
	if f == nil {
		return c.succeed(now)
	}
	c.failed, c.at = f, now
	if p.phase != c.phase {
		return none
	}
	switch {
	case p.trial && p.unasked:
	case p.trial:
		c.pause = min(max(2*c.pause, c.first), max(longestRetry, c.first))
	default:
		c.pause = c.first
		c.phase++
	}
	c.until = now.Add(c.pause)
	if c.now == f.kind {
		return none
	}
	c.now, c.since = f.kind, now
	return opened
}

// mention has status tell of a failure that says nothing of the way.
func (c *circuit) mention(p pass, f *trouble, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endTrial(p)
	c.slow = false
	c.failed, c.at = f, now
}

// works tells whether nothing is wrong, as the last answer has shown.
func (c *circuit) works() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pause == 0 && c.now == kindOK
}

func (c *circuit) succeed(now time.Time) change {
	c.lastOK = now
	if c.pause > 0 {
		c.pause, c.until = 0, time.Time{}
		c.phase++
	}
	if c.now == kindOK {
		return none
	}
	c.now, c.since = kindOK, now
	return closed
}

// remember takes over when there was last an answer.
func (c *circuit) remember(old *circuit) {
	old.mu.Lock()
	at := old.lastOK
	old.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastOK = at
}

// abandon takes back a pass whose question was given up.
func (c *circuit) abandon(p pass) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endTrial(p)
}

// endTrial lets go those who wait for the trial. The caller holds mu.
func (c *circuit) endTrial(p pass) {
	if p.trial {
		close(c.trial)
		c.trial = nil
	}
}
