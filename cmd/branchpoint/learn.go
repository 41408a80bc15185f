package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"branchpoint/admin"
)

// learnCmd shows which headers clients send to servers that take tokens.
type learnCmd struct {
	apiFlag
	For  time.Duration `help:"Wait so long for clients first, such as 10m. Ctrl-C ends it early, with what was seen." placeholder:"DURATION"`
	JSON bool          `name:"json" help:"Print what the admin API answers, for programs."`
}

// Validate is called by the parser of the command line.
func (c *learnCmd) Validate() error {
	if c.For < 0 {
		return errors.New("--for cannot be negative")
	}
	return c.apiFlag.Validate()
}

// Run prints names of headers and what to make of them, or the answer as it came.
func (c *learnCmd) Run(s *streams) error {
	var learned admin.LearnedList
	if c.For > 0 {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if _, err := c.ask("/api/v1/learned", &learned); err != nil {
			return err // now, and not after the wait
		}
		fmt.Fprintf(s.err, "Let a client download something now. The result comes after %v, or with Ctrl-C.\n", c.For)
		over := time.NewTimer(c.For)
		defer over.Stop()
		select {
		case <-ctx.Done():
		case <-over.C:
		}
		stop() // from now on a signal ends the process
	}
	learned = admin.LearnedList{}
	body, err := c.ask("/api/v1/learned", &learned)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err = s.out.Write(body)
		return err
	}
	_, err = fmt.Fprint(s.out, learnedText(learned.Hosts))
	return err
}
