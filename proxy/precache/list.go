package precache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"branchpoint/proxy/content"
)

// listing is what a place says it has.
type listing struct {
	place Place
	files []*file
}

// maxFiles is how many files a job may have. A content of CM has some ten thousand at most.
const maxFiles = 100_000

// list asks a place which files it has, and finds out how each is asked for.
func (m *Jobs) list(ctx context.Context, p Place) (listing, error) {
	var files []*file
	var err error
	if p.List != nil {
		files, err = m.listCloud(ctx, p)
	} else {
		files, err = m.listFolder(ctx, p)
	}
	switch {
	case err != nil:
		return listing{}, err
	case len(files) == 0:
		return listing{}, errors.New("its list is empty")
	case len(files) > maxFiles:
		return listing{}, fmt.Errorf("it lists %d files; more than %d are not taken", len(files), maxFiles)
	}
	return listing{p, distinct(files)}, nil
}

// listFolder asks a distribution point.
func (m *Jobs) listFolder(ctx context.Context, p Place) ([]*file, error) {
	folder, err := m.folderOf(p)
	if err != nil {
		return nil, err
	}
	listed, err := m.config.Lister.List(ctx, folder)
	if err != nil {
		return nil, err
	}
	files := make([]*file, 0, len(listed))
	for _, l := range listed {
		f := newFile(l.Path, l.Size)
		t, ok := fileIn(folder, l.Path)
		if !ok {
			f.refuse("no client could ask for a file of this name")
		}
		f.target = t
		files = append(files, f)
	}
	return files, nil
}

// fileIn names a file of a folder as clients do: <folder>/sccm?/<path>, which keeps its name away from the request filtering
// of IIS.
func fileIn(folder content.Target, path string) (content.Target, bool) {
	raw := folder.Raw + "/sccm?/" + escape(path)
	t, ok := content.Parse(folder.Scheme, folder.Host, raw)
	if !ok || t.ID.Content != folder.ID.Content {
		return content.Target{}, false
	}
	t.ID.Hierarchy = folder.ID.Hierarchy
	return t, true
}

// escape writes a path so that no byte of it can be read as anything but a part of a name.
func escape(path string) string {
	var out strings.Builder
	out.Grow(len(path) + len(path)/4)
	for i := range len(path) {
		switch b := path[i]; {
		case b == '/', b == '-', b == '.', b == '_', b == '~', '0' <= b && b <= '9', 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z':
			out.WriteByte(b)
		default:
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

// listCloud asks a cloud distribution point.
func (m *Jobs) listCloud(ctx context.Context, p Place) ([]*file, error) {
	listed, err := p.List(ctx)
	if err != nil {
		return nil, err
	}
	files := make([]*file, 0, len(listed))
	for _, l := range listed {
		f := newFile(l.Path, l.Size)
		t, err := m.blob(l)
		if err != nil {
			f.refuse(err.Error())
		}
		f.target = t
		files = append(files, f)
	}
	return files, nil
}

// blob reads a signed URL. No error holds any of it but the host.
func (m *Jobs) blob(l CloudFile) (content.Target, error) {
	if l.URL == nil {
		return content.Target{}, errors.New("the list gives it no URL")
	}
	scheme, host, raw, ok := splitURL(l.URL.Reveal())
	if !ok || scheme != "https" {
		return content.Target{}, errors.New("its URL in the list is not an https one")
	}
	t, ok := content.ParseBlob(scheme, host, raw)
	if !ok {
		return content.Target{}, errors.New("its URL in the list is not that of a blob")
	}
	if name, _, err := net.SplitHostPort(t.Host); err != nil || !m.config.Storage(name) {
		return content.Target{}, fmt.Errorf("it is stored at %s, which is not a storage service of the configuration", t.Host)
	}
	t.ID.Hierarchy = m.config.Origins.Hierarchy(t)
	return t, nil
}

// distinct drops what is there twice, and puts the small files first: most files are whole when a job is cut short, what is
// refused or missing shows in the first seconds, and what comes last is large files, each of which the cache fetches in
// several windows side by side, so that the line is full to the end.
func distinct(files []*file) []*file {
	seen := make(map[string]bool, len(files))
	files = slices.DeleteFunc(files, func(f *file) bool {
		name := f.name()
		again := seen[name]
		seen[name] = true
		return again
	})
	slices.SortStableFunc(files, func(a, b *file) int {
		return cmp.Or(cmp.Compare(a.size, b.size), strings.Compare(a.path, b.path))
	})
	return files
}
