package main

import "os"

// reloadSignals has none to return: Windows has no signal for it.
func reloadSignals() (signals <-chan os.Signal, stop func()) { return nil, func() {} }
