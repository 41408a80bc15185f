// Demo shows the whole of Branchpoint in a minute, with nothing to set up: a simulated Configuration Manager site far away,
// Branchpoint in front of it, clients that download, and a distribution point that dies in the middle.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/term"
)

// options are the command line.
type options struct {
	stay              bool
	mb, clients, rate int
}

func main() {
	var o options
	flag.BoolVar(&o.stay, "stay", false, "keep the site and Branchpoint running afterwards, until interrupted")
	flag.IntVar(&o.mb, "mb", 300, "size of the package in `megabytes`")
	flag.IntVar(&o.clients, "clients", 6, "how `many` clients want the package at once")
	flag.IntVar(&o.rate, "rate", 400, "speed of the line to each distribution point in `Mbit/s`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.mb < 1 || o.clients < 1 || o.clients > 200 || o.rate < 1 {
		return fmt.Errorf("%d MB, %d clients and %d Mbit/s make no demonstration", o.mb, o.clients, o.rate)
	}
	s, err := openStage(ctx, o)
	if err != nil {
		return err
	}
	defer s.close()
	show := newScreen(os.Stdout, term.IsTerminal(int(os.Stdout.Fd())))
	acts := []func(context.Context, *screen) error{s.deadline, s.latecomer, s.taskSequence, s.update}
	for _, act := range acts {
		if err := act(ctx, show); err != nil {
			return err
		}
	}
	if err := s.report(os.Stdout); err != nil {
		return err
	}
	if o.stay {
		s.invite(os.Stdout)
		<-ctx.Done()
	}
	return nil
}
