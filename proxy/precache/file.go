package precache

import (
	"strings"
	"sync/atomic"
	"unicode"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// file is one file of a running job.
type file struct {
	path string
	// stored bytes of it are in the cache, as far as the job has looked.
	stored atomic.Int64

	// Guarded by job.mu once the job has them.
	size   int64
	target content.Target // the zero one: there is no way to ask for it
	result Result
	reason string
}

// maxFileSize is what a list may say of one file. It keeps the sum of a job within an int64.
const maxFileSize = 16 << 40

func newFile(path string, size int64) *file {
	f := &file{path: clip(path, maxPath), size: min(max(size, 0), maxFileSize), result: ResultPending}
	if f.size != size {
		f.refuse("its size in the list cannot be right")
	}
	return f
}

// refuse says that there is no way to fetch it. The first reason stays.
func (f *file) refuse(why string) {
	if f.result == ResultPending {
		f.result, f.reason = ResultFailed, clip(why, maxText)
	}
}

// name is the file's in the cache; of a file that nobody can ask for, another one.
func (f *file) name() string {
	if f.target.ID.Content == "" {
		return "?" + f.path
	}
	return f.target.ID.Name()
}

// keyOf is how the cache calls what a target names: as for a client that asks at the same place.
func keyOf(t content.Target) cache.Key {
	return cache.Key{Name: t.ID.Name(), Group: t.ID.Group(), Mutable: t.ID.Mutable(), Origin: t.Host}
}

// show is the file as it is now. job.mu is held.
func (f *file) show() File {
	return File{Path: f.path, Size: f.size, Stored: min(f.stored.Load(), f.size), Result: f.result, Reason: f.reason}
}

const (
	// maxPath is more than the path of any file or blob has.
	maxPath = 1200
	// maxText bounds what is kept of any other text that a server had a part in.
	maxText = 400
)

// clip makes such a text fit to be kept and shown.
func clip(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
