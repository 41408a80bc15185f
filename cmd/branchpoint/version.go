package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCmd prints what this program is.
type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run(s *streams) error {
	_, err := fmt.Fprintf(s.out, "branchpoint %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// version is what the Go toolchain stamped into the binary: a tag, or a commit with a "+dirty" when it was changed.
// Without either, as in a build from a bare copy of the source, it is "devel".
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
