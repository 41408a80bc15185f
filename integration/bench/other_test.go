//go:build !linux

package bench

import "testing"

// TestNeedsLinux says why nothing is measured here.
func TestNeedsLinux(t *testing.T) {
	t.Skip("processor time and memory are read from /proc, which only Linux has")
}
