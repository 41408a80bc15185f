//go:build !windows

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// reloadSignals returns the signals that ask for a reload; stop ends them. Several that come during a reload are one.
func reloadSignals() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}
