//go:build !windows

package precache

import (
	"fmt"
	"os"
	"syscall"
)

// checkOwner refuses a folder of somebody else. One of root is as good as ours.
func checkOwner(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if us := os.Geteuid(); ok && stat.Uid != 0 && int(stat.Uid) != us {
		return fmt.Errorf("%s belongs to another user (%d, and we are %d); see what is in it, and then: chown %[3]d %[1]s", path, stat.Uid, us)
	}
	return nil
}
