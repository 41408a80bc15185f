package sim

import (
	"errors"
	"fmt"
	"strings"
)

// truth decides whether received bytes are right. A package's URL may stand for any version of the file; the bytes must
// then be those of one version from the first to the last, never a mixture.
type truth struct {
	versions func() []*File // what the URL may stand for now
	left     []*File        // what the bytes seen so far may still be
}

var errWrongBytes = errors.New("wrong bytes")

// truthOf finds the files that a URL may stand for.
func (l *Library) truthOf(rawURL string) (*truth, error) {
	t, err := parseTarget(rawURL)
	if err != nil {
		return nil, fmt.Errorf("what is %s: %w", rawURL, err)
	}
	id, number, err := splitSegment(t.segment)
	if err != nil || t.area != areaContent {
		return nil, fmt.Errorf("what is %s: it names no file of a content", rawURL)
	}
	v := &truth{versions: func() (files []*File) {
		for _, version := range l.Versions(id) {
			if f, ok := version.File(t.rel); ok && (number == 0 || number == version.Number) {
				files = append(files, f)
			}
		}
		return files
	}}
	if v.restart(); len(v.left) == 0 {
		return nil, fmt.Errorf("what is %s: the library has no such file", rawURL)
	}
	return v, nil
}

// restart forgets which bytes were seen. A version that was published meanwhile is known from now on.
func (v *truth) restart() { v.left = v.versions() }

// narrow keeps what satisfies a condition; none left is an error.
func (v *truth) narrow(keep func(*File) bool, what string, args ...any) error {
	left := v.left[:0]
	for _, f := range v.left {
		if keep(f) {
			left = append(left, f)
		}
	}
	v.left = left
	if len(left) == 0 {
		return fmt.Errorf("%s: %w", fmt.Sprintf(what, args...), errWrongBytes)
	}
	return nil
}

// size says how large the file was said to be.
func (v *truth) size(n int64) error {
	return v.narrow(func(f *File) bool { return f.Size == n }, "a size of %d", n)
}

// check compares bytes with the file at an offset.
func (v *truth) check(p []byte, off int64) error {
	return v.narrow(func(f *File) bool { return f.Mismatch(p, off) < 0 }, "%d bytes from %d on", len(p), off)
}

// file is what the bytes are.
func (v *truth) file() *File { return v.left[len(v.left)-1] }

// matchManifest finds the version whose files are exactly those of a manifest: lower-case path to size.
func (l *Library) matchManifest(segment string, sizes map[string]int64) error {
	id, number, err := splitSegment(segment)
	if err != nil {
		return fmt.Errorf("manifest of %q: %w", segment, err)
	}
	for _, v := range l.Versions(id) {
		same := len(sizes) == len(v.files) && (number == 0 || number == v.Number)
		for _, f := range v.Files() {
			size, ok := sizes[strings.ToLower(f.Path)]
			same = same && ok && size == f.Size
		}
		if same {
			return nil
		}
	}
	return fmt.Errorf("the manifest of %q, %d files, is that of no version", segment, len(sizes))
}
