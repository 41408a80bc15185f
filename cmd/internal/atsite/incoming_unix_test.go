//go:build !windows

package atsite

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOpenBulkToken: a token that others may have read, or put there, is not used; nor is a pipe, which nobody may ever fill.
func TestOpenBulkToken(t *testing.T) {
	dir := t.TempDir()
	source := bulkToken{filepath.Join(dir, "token")}
	for _, mode := range []os.FileMode{0o644, 0o660, 0o666} {
		if err := errors.Join(os.WriteFile(source.file, []byte("s3cr3t"), 0o600), os.Chmod(source.file, mode)); err != nil {
			t.Fatal(err)
		}
		source.refused(t, "chmod 640")
	}
	pipe := bulkToken{filepath.Join(dir, "pipe")}
	if err := syscall.Mkfifo(pipe.file, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe.refused(t, "is not a file")
}
