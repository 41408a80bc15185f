//go:build !windows

package cache

import "golang.org/x/sys/unix"

// errNoDescriptors is what the system says when too many files are open.
const errNoDescriptors = unix.EMFILE
