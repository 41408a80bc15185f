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
	"time"
)

// update has the distribution make its list anew.
func (s *Store) update(ctx context.Context, more ...string) error {
	var said bytes.Buffer
	command := exec.CommandContext(ctx, filepath.Join(s.root, s.tools[0]), slices.Concat(s.args, more)...)
	command.Stdout, command.Stderr = &said, &said
	command.WaitDelay = time.Second // what it started may hold our ends of the pipes
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w: %.1000s", command.Path, err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}

// forget has the list made anew without a certificate, whose file is gone. It is not enough for Debian's program that it is
// gone: links to it stay, and so does what Java was told. A line with an exclamation mark makes it tidy up.
func (s *Store) forget(ctx context.Context, name string) (err error) {
	if s.conf == "" {
		return s.update(ctx)
	}
	text, err := os.ReadFile(filepath.Join(s.root, s.conf))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the certificate: %w", err)
	}
	f, err := os.CreateTemp("", "branchpoint-*.conf")
	if err != nil {
		return fmt.Errorf("removing the certificate: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = fmt.Fprintf(f, "%s\n!%s\n", text, name)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("removing the certificate: %w", err)
	}
	return s.update(ctx, "--certsconf", f.Name())
}
