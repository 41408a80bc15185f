package sim

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// FileSpec says which file to publish.
type FileSpec struct {
	// Path in the content, "/" between folders. Any letters that a Windows file name may have. Required.
	Path string
	// Size in bytes of a generated file. Ignored when Data is set. Zero is an empty file.
	Size int64
	// Seed of a generated file: same seed and size, same bytes, and the content library then holds them once. Zero derives
	// one from content, version and path.
	Seed uint64
	// Data, when not nil, is the file's real bytes. It must not be changed afterwards.
	Data []byte
	// ModTime is the Last-Modified time. Zero means a fixed time that differs between versions.
	ModTime time.Time
}

func (s FileSpec) check() error {
	switch {
	case s.Path == "":
		return errors.New("a file needs a path")
	case path.Clean("/"+s.Path) != "/"+s.Path || strings.Contains(s.Path, `\`):
		return fmt.Errorf("file path %q is not clean", s.Path)
	case s.Size < 0:
		return fmt.Errorf("file %q has the negative size %d", s.Path, s.Size)
	}
	return nil
}

// File is one file of one version of a content. It is immutable and safe for concurrent use.
type File struct {
	// Content is the content's ID without a version, in its own letter case.
	Content string
	// Version is the number of the version that the file belongs to, from 1.
	Version int
	// Path in the content, "/" between folders, in its own letter case.
	Path string
	// Size in bytes.
	Size int64
	// ModTime is the Last-Modified time in whole seconds, UTC.
	ModTime time.Time

	blob *blob
}

// Key names the file in Counters: lower case, "<content>.<version>/<path>".
func (f *File) Key() string {
	return strings.ToLower(fmt.Sprintf("%s.%d/%s", f.Content, f.Version, f.Path))
}

// ReadAt implements io.ReaderAt over the file's true bytes.
func (f *File) ReadAt(p []byte, off int64) (int, error) { return f.blob.ReadAt(p, off) }

// Mismatch returns the index of the first byte of p that is not the file's byte at off plus the index, or -1 when p is
// right. Bytes past the end of the file are wrong.
func (f *File) Mismatch(p []byte, off int64) int { return f.blob.mismatch(p, off) }

// SHA256 is the hash of the file's bytes in upper-case hex. The first call reads the whole file.
func (f *File) SHA256() string { return f.blob.hash() }
