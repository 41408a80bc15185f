//go:build !linux

package integration

import "testing"

// keepPort does nothing: what keeps a port without listening differs from system to system.
func keepPort(testing.TB, string) (leave func()) { return func() {} }
