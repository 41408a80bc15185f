package sim

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// container is the container of a version: letters, digits and hyphens (Storage REST docs "Naming and referencing
// containers").
func container(v *Version) string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(strings.ToLower(v.Segment()))
}

// blobName is where a file of a version is, "container/path".
func blobName(v *Version, f *File) string { return container(v) + "/" + f.Path }

// Replace overwrites the blob of a file with the file of another version that has the same path, as a careless upload does:
// size, time and ETag change under the same URL. The same file twice restores it.
func (s *Storage) Replace(old, with *File) error {
	v, ok := s.config.Library.resolve(fmt.Sprintf("%s.%d", old.Content, old.Version), nil)
	if !ok || old.Path != with.Path {
		return fmt.Errorf("replace %s with %s: the library does not have it, or the paths differ", old.Key(), with.Key())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replaced[blobName(v, old)] = with
	return nil
}

// find looks for a blob by "container/path", letter by letter: names of blobs are case-sensitive.
func (s *Storage) find(name string) (f *File, hasContainer bool) {
	top, path, _ := strings.Cut(name, "/")
	for _, id := range s.config.Library.IDs() {
		for _, v := range s.config.Library.Versions(id) {
			if container(v) != top {
				continue
			}
			f, ok := v.File(path)
			if !ok || f.Path != path {
				return nil, true
			}
			return s.current(v, f), true
		}
	}
	return nil, false
}

// current is what the blob of a file holds now.
func (s *Storage) current(v *Version, f *File) *File {
	s.mu.Lock()
	defer s.mu.Unlock()
	if with := s.replaced[blobName(v, f)]; with != nil {
		return with
	}
	return f
}

// Sign makes a URL by which its holder may read the blob of a file for a time, from now on. It is a secret.
func (s *Storage) Sign(f *File, holder string, life time.Duration) (Secret, error) {
	v, ok := s.config.Library.resolve(fmt.Sprintf("%s.%d", f.Content, f.Version), nil)
	if !ok {
		return Secret{}, fmt.Errorf("sign for %s: the library does not have it", f.Key())
	}
	return s.sign(blobName(v, f), holder, life), nil
}

func (s *Storage) sign(name, holder string, life time.Duration) Secret {
	now := s.config.Now().UTC()
	g := grant{holder: holder, start: now.Add(-time.Minute), expiry: now.Add(life)}
	q := g.query()
	sig := s.signature(q, name)
	return NewSecret(s.URL("https") + "/" + escapePath(name) + "?" + encode(q) + "&sig=" + url.QueryEscape(sig))
}

// resource is a blob as the bodies of answers want it.
func (s *Storage) resource(f *File) resource {
	modTime := f.ModTime.Truncate(time.Second)
	etag := fmt.Sprintf(`"0x8D%013X"`, mix(seedOf(s.config.Name+f.Key())^uint64(modTime.Unix()))>>12)
	return resource{key: f.Key(), size: f.Size, modTime: modTime, etag: etag, body: f.blob}
}
