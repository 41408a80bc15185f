package sim

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// The content library of a DP: DataLib names the files of every version, PkgLib the version of every package, FileLib holds
// each blob once under its hash (puppetlabs-sccm; sccm-http-looter).

const iniSuffix = ".INI"

// epoch is the time of files that describe others and have no time of their own.
func epoch() time.Time { return time.Date(2023, 4, 5, 20, 24, 0, 0, time.UTC) }

// findDataLib serves "", "<id.ver>.INI", "<id.ver>/<path>.INI", and the same listing again for folders below.
func (d *DP) findDataLib(t target) (resource, bool) {
	name, isINI := cutSuffixFold(t.rel, iniSuffix)
	if !isINI {
		return resource{folder: d.dataLib(t)}, true
	}
	segment, file, deep := strings.Cut(name, "/")
	v, ok := d.resolve(segment)
	if !ok || !strings.EqualFold(v.Segment(), segment) {
		return resource{}, false
	}
	if !deep {
		text := fmt.Sprintf("[Content]\r\nContentID=%s\r\nVersion=%d\r\nSize=%d\r\n", v.Content, v.Number, v.Size())
		return d.madeResource("datalib/"+strings.ToLower(t.rel), []byte(text), newest(v)), true
	}
	f, ok := v.File(file)
	if !ok {
		return resource{}, false
	}
	text := fmt.Sprintf("[File]\r\nSize=%d\r\nTimeModified=%d\r\nHash=%s\r\n", f.Size, fileTime(f.ModTime), f.SHA256())
	return d.madeResource("datalib/"+strings.ToLower(t.rel), []byte(text), f.ModTime), true
}

func (d *DP) dataLib(t target) *folder {
	dir := &folder{path: "/" + t.vdirRaw + "/" + t.segment, modTime: d.shift(epoch()), dataLib: true}
	for _, v := range d.holdings() {
		ini := d.config.Library.file(v.Content, v.Number, FileSpec{Path: v.Segment() + iniSuffix, Data: make([]byte, 100)})
		dir.entries = append(dir.entries, entry{name: v.Segment()}, entry{name: ini.Path, file: ini})
	}
	return dir
}

// findPkgLib serves "<pkg>.INI", which tells the current version of a package.
func (d *DP) findPkgLib(t target) (resource, bool) {
	id, isINI := cutSuffixFold(t.rel, iniSuffix)
	if !isINI || strings.ContainsAny(id, "./") {
		return resource{}, false
	}
	v, ok := d.resolve(id)
	if !ok {
		return resource{}, false
	}
	text := "[Packages]\r\n" + v.Segment() + "=\r\n"
	return d.madeResource("pkglib/"+strings.ToLower(t.rel), []byte(text), newest(v)), true
}

// findBlob serves FileLib/<first four letters>/<hash>.
func (d *DP) findBlob(t target) (resource, bool) {
	hash := strings.ToUpper(path.Base(t.rel))
	if len(hash) != 64 || !strings.EqualFold(t.rel, hash[:4]+"/"+hash) {
		return resource{}, false
	}
	var files []*File
	for _, v := range d.holdings() {
		files = append(files, v.Files()...)
	}
	slices.SortFunc(files, func(a, b *File) int { return cmp.Compare(a.Size, b.Size) }) // hash no large one in vain
	i := slices.IndexFunc(files, func(f *File) bool { return f.SHA256() == hash })
	if i < 0 {
		return resource{}, false
	}
	res := d.fileResource(files[i])
	res.key = "filelib/" + strings.ToLower(hash)
	return res, true
}

// fileTime is the Windows FILETIME of a time: 100 ns steps since 1601.
func fileTime(t time.Time) int64 { return t.Unix()*10_000_000 + 116_444_736_000_000_000 }
