//go:build !windows

package assembly

import "golang.org/x/sys/unix"

// descriptors returns how many files and connections the process may have open. The Go runtime has raised the soft limit
// as far as it goes.
func descriptors() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > plenty {
		return plenty
	}
	return int(limit.Cur)
}
