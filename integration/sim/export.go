package sim

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Export writes a version's files below dir/<segment>/, with their times, so that a real web server can serve them under
// the same URLs as a DP. dir is created when it is missing.
func (v *Version) Export(dir string) error {
	for _, f := range v.Files() {
		if err := f.export(filepath.Join(dir, v.Segment(), filepath.FromSlash(f.Path))); err != nil {
			return fmt.Errorf("export %s: %w", f.Key(), err)
		}
	}
	return nil
}

func (f *File) export(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{out}, io.NewSectionReader(f, 0, f.Size), make([]byte, bodyChunk))
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Chtimes(path, f.ModTime, f.ModTime)
}
