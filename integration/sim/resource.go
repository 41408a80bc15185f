package sim

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// resource is what a target leads to on a DP: a file, or a folder when folder is set.
type resource struct {
	folder *folder

	key     string // in Counters
	size    int64
	modTime time.Time
	etag    string
	body    io.ReaderAt
}

// folder is a directory as a client sees it.
type folder struct {
	path    string // as the client spelled it, without a slash at the end
	modTime time.Time
	entries []entry
	dataLib bool // its visible names end in "\name"
}

// find looks a target up among what this DP holds.
func (d *DP) find(t target) (resource, bool) {
	switch t.area {
	case areaSignature:
		return d.findSignature(t)
	case areaDataLib:
		return d.findDataLib(t)
	case areaPkgLib:
		return d.findPkgLib(t)
	case areaFileLib:
		return d.findBlob(t)
	}
	v, ok := d.resolve(t.segment)
	if !ok {
		return resource{}, false
	}
	if f, ok := v.File(t.rel); ok {
		return d.fileResource(f), true
	}
	entries, ok := v.list(t.rel)
	if !ok {
		return resource{}, false
	}
	return resource{folder: &folder{path: t.spelled(), modTime: d.shift(newest(v)), entries: entries}}, true
}

// resolve is Library.resolve within what this DP holds.
func (d *DP) resolve(segment string) (*Version, bool) {
	return d.config.Library.resolve(segment, d.limit)
}

func (d *DP) limit(id string) (int, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, limited := d.newest[id]
	return n, limited
}

// holdings lists every version on this DP.
func (d *DP) holdings() []*Version {
	var all []*Version
	for _, id := range d.config.Library.IDs() {
		versions := d.config.Library.Versions(id)
		if n, limited := d.limit(strings.ToLower(id)); limited {
			versions = versions[:min(n, len(versions))]
		}
		all = append(all, versions...)
	}
	return all
}

func (d *DP) fileResource(f *File) resource {
	return resource{key: f.Key(), size: f.Size, modTime: d.shift(f.ModTime), etag: d.etag(f.ModTime), body: f.blob}
}

// madeResource is a small file that the DP makes up.
func (d *DP) madeResource(key string, data []byte, modTime time.Time) resource {
	return resource{
		key:     key,
		size:    int64(len(data)),
		modTime: d.shift(modTime),
		etag:    d.etag(modTime),
		body:    bytes.NewReader(data),
	}
}

func (d *DP) shift(t time.Time) time.Time {
	return t.Add(d.config.TimeShift).Truncate(time.Second)
}

// etag looks like those of IIS, which come from file times; it differs between DPs.
func (d *DP) etag(t time.Time) string {
	return fmt.Sprintf(`"%x:0"`, mix(seedOf(d.config.Name)^uint64(t.Unix()))>>4)
}

// newest is the latest time of a version's files.
func newest(v *Version) time.Time {
	var t time.Time
	for _, f := range v.files {
		if f.ModTime.After(t) {
			t = f.ModTime
		}
	}
	return t
}

// spelled is the direct path of a content target, with the virtual directory as the client spelled it.
func (t target) spelled() string {
	path := "/" + t.vdirRaw + "/" + t.segment
	if t.rel != "" {
		path += "/" + t.rel
	}
	return path
}
