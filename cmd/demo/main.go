// Demo shows the whole of Branchpoint in a minute, with nothing to set up: a simulated Configuration Manager site far away,
// Branchpoint in front of it, clients that download, and a distribution point that dies in the middle.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/alecthomas/kong"
	"golang.org/x/term"
)

// options are the command line.
type options struct {
	Stay    bool `help:"Keep the site and Branchpoint running afterwards, until interrupted."`
	MB      int  `help:"Size of the package in megabytes." default:"300"`
	Clients int  `help:"How many clients want the package at once." default:"6"`
	Rate    int  `help:"Speed of the line to each distribution point in Mbit/s." default:"400"`
}

func main() {
	var o options
	kong.Parse(&o, kong.Name("demo"), kong.Description("Show what Branchpoint does. Exit code 0 means that every byte was right."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.MB < 1 || o.Clients < 1 || o.Clients > 200 || o.Rate < 1 {
		return fmt.Errorf("%d MB, %d clients and %d Mbit/s make no demonstration", o.MB, o.Clients, o.Rate)
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
	if o.Stay {
		s.invite(os.Stdout)
		<-ctx.Done()
	}
	return nil
}
