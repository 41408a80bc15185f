// Command simsite runs a simulated Configuration Manager site, to be tried by hand, and its clients, to be run anywhere.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line: a verb a file.
type cli struct {
	Serve serveCmd `cmd:"" default:"withargs" help:"Run the site until it is interrupted (the default)."`
	Fetch fetchCmd `cmd:"" help:"Download like one of a site's clients, compare every byte, and print JSON; the exit code is 0 when all is right."`
}

func main() {
	var c cli
	command := kong.Parse(&c, kong.Description("A simulated Configuration Manager site and its clients."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	command.BindTo(ctx, (*context.Context)(nil))
	command.BindTo(os.Stdout, (*io.Writer)(nil))
	err := command.Run()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "simsite:", err)
		os.Exit(1)
	}
}
