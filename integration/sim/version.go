package sim

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Version is one version of a content. It is immutable once published.
type Version struct {
	// Content is the ID without a version, in its own letter case.
	Content string
	// Number counts from 1.
	Number int

	files   map[string]*File // by lower-case path
	folders map[string]bool  // lower-case path of every folder below the root
}

// Segment is the URL segment that names exactly this version: "PS100015.3", "Content_<guid>.1", "<guid>.1".
func (v *Version) Segment() string { return fmt.Sprintf("%s.%d", v.Content, v.Number) }

// File returns the file at a path, whatever the letter case.
func (v *Version) File(name string) (*File, bool) {
	f, ok := v.files[strings.ToLower(name)]
	return f, ok
}

// Files returns every file, sorted by path.
func (v *Version) Files() []*File {
	files := make([]*File, 0, len(v.files))
	for _, key := range slices.Sorted(maps.Keys(v.files)) {
		files = append(files, v.files[key])
	}
	return files
}

// Size is the sum of the sizes of all files, in bytes.
func (v *Version) Size() int64 {
	var sum int64
	for _, f := range v.files {
		sum += f.Size
	}
	return sum
}

func (v *Version) add(f *File, problem error) error {
	if problem != nil {
		return problem
	}
	key := strings.ToLower(f.Path)
	if v.files[key] != nil || v.folders[key] {
		return fmt.Errorf("file %q is there twice, or is a folder too", f.Path)
	}
	for parent := path.Dir(key); parent != "."; parent = path.Dir(parent) {
		if v.files[parent] != nil {
			return fmt.Errorf("file %q lies below a file", f.Path)
		}
		v.folders[parent] = true
	}
	v.files[key] = f
	return nil
}

// entry is one line of a folder: a sub-folder when file is nil.
type entry struct {
	name string // leaf
	path string // in the content
	file *File
}

// list returns what is directly in a folder ("" is the root), and whether there is such a folder.
func (v *Version) list(folder string) (entries []entry, ok bool) {
	prefix, depth := "", 0
	if folder != "" {
		prefix, depth = strings.ToLower(folder)+"/", strings.Count(folder, "/")+1
	}
	seen := map[string]bool{}
	for _, f := range v.Files() {
		if !strings.HasPrefix(strings.ToLower(f.Path), prefix) {
			continue
		}
		parts := strings.Split(f.Path, "/")
		e := entry{name: parts[depth], path: strings.Join(parts[:depth+1], "/")}
		if seen[strings.ToLower(e.name)] {
			continue
		}
		seen[strings.ToLower(e.name)] = true
		if len(parts) == depth+1 {
			e.file = f
		}
		entries = append(entries, e)
	}
	return entries, folder == "" || len(entries) > 0
}
