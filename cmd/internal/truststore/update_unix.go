//go:build !windows

package truststore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// update has the distribution make its list anew.
func (s *Store) update(ctx context.Context) error {
	var said bytes.Buffer
	command := exec.CommandContext(ctx, filepath.Join(s.root, s.tools[0]), s.args...)
	command.Stdout, command.Stderr = &said, &said
	command.WaitDelay = time.Second // what it started may hold our ends of the pipes
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w: %.1000s", command.Path, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// unlink removes the links to a file that is gone. Debian's program leaves them where they are, unless it is told to begin
// with an empty directory, and then other programs find no certificates there for a moment.
func (s *Store) unlink(gone string) error {
	if s.links == "" {
		return nil
	}
	dir := filepath.Join(s.root, s.links)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("removing links to the certificate: %w", err)
	}
	targets := []string{gone, strings.TrimSuffix(filepath.Base(gone), ".crt") + ".pem"} // what a link by hash leads to
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if target, err := os.Readlink(path); err != nil || !slices.Contains(targets, target) {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing links to the certificate: %w", err)
		}
	}
	return nil
}
