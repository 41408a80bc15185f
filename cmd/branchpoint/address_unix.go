//go:build !windows

package main

import (
	"errors"
	"syscall"
)

func inUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

func connectionRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
