package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// truths are the objects that may be on disk: by name, every generation.
type truths map[string][]truth

// onDisk is what the checker found.
type onDisk struct {
	objects int
	bytes   int64                      // claimed, 4 KiB an object included
	slices  map[string]map[string]bool // name, then Last-Modified and number of the slice
	twice   map[string]bool            // there are two records of one generation
	seen    map[string]bool
}

func (d onDisk) has(t truth, name string, slice int) bool {
	return d.slices[name][sliceID(t.info.LastModified, slice)]
}

func sliceID(modified time.Time, slice int) string { return fmt.Sprint(modified.Unix(), "/", slice) }

// checkDir reads a whole cache directory from first principles and fails for everything that claims what is not true.
// After a clean end every file must belong to a record; after a crash some may be left over.
func checkDir(t testing.TB, dir string, known truths, crashed bool) onDisk {
	t.Helper()
	found := onDisk{slices: map[string]map[string]bool{}, twice: map[string]bool{}, seen: map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(dir, "blobs", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	claimed := map[string]bool{}
	for _, path := range files {
		if !strings.HasSuffix(path, ".rec") {
			continue
		}
		claimed[path], claimed[strings.TrimSuffix(path, ".rec")+".dat"] = true, true
		if err := checkRecord(path, known, &found); err != nil && !(crashed && os.IsNotExist(err)) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range files {
		if !claimed[path] && !crashed {
			t.Errorf("%s belongs to nothing", path)
		}
	}
	return found
}

// checkRecord knows the format of a record by itself.
func checkRecord(path string, known truths, found *onDisk) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	line, sum, ok := bytes.Cut(data, []byte("\n"))
	if want := fmt.Sprintf("%08x\n", crc32.Checksum(line, crc32.MakeTable(crc32.Castagnoli))); !ok || string(sum) != want {
		return fmt.Errorf("its checksum is %q, not %q", sum, want)
	}
	var r struct {
		Name         string
		Size         int64
		LastModified time.Time `json:"last_modified"`
		SliceBytes   int64     `json:"slice_bytes"`
		Present      []byte
		Sums         []byte
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(r.Name))
	folder, base := filepath.Base(filepath.Dir(path)), filepath.Base(path)
	if folder != hex.EncodeToString(hash[:1]) || !strings.HasPrefix(base, hex.EncodeToString(hash[:16])+"-") {
		return fmt.Errorf("it is not where %q should be", r.Name)
	}
	for _, truth := range known[r.Name] {
		if truth.info.Size == r.Size && truth.info.LastModified.Equal(r.LastModified) {
			id := fmt.Sprint(r.Name, "/", r.LastModified.Unix())
			found.twice[r.Name] = found.twice[r.Name] || found.seen[id]
			found.seen[id] = true
			found.objects++
			found.bytes += 4096
			return checkSlices(strings.TrimSuffix(path, ".rec")+".dat", r.Name, truth, r.Present, r.Sums, found)
		}
	}
	return fmt.Errorf("%q of %d bytes from %v was never there", r.Name, r.Size, r.LastModified)
}

func checkSlices(path, name string, t truth, present, sums []byte, found *onDisk) error {
	f, err := os.Open(path)
	if os.IsNotExist(err) && len(bytes.Trim(present, "\x00")) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.Size() != t.info.Size {
		return fmt.Errorf("its data is not %d bytes long: %v, %v", t.info.Size, st.Size(), err)
	}
	if found.slices[name] == nil {
		found.slices[name] = map[string]bool{}
	}
	buf := make([]byte, 1<<20)
	for i := int64(0); i<<20 < t.info.Size; i++ {
		if present[i/8]&(1<<(i%8)) == 0 {
			continue
		}
		p := buf[:min(1<<20, t.info.Size-i<<20)]
		if _, err := f.ReadAt(p, i<<20); err != nil {
			return err
		}
		if at := t.differs(p, i<<20); at >= 0 {
			return fmt.Errorf("slice %d is claimed, and its byte at %d is wrong", i, at)
		}
		got := crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli))
		if want := sums[4*i : 4*i+4]; !bytes.Equal(want, []byte{byte(got >> 24), byte(got >> 16), byte(got >> 8), byte(got)}) {
			return fmt.Errorf("slice %d has checksum %08x, the record says %x", i, got, want)
		}
		found.bytes += int64(len(p))
		found.slices[name][sliceID(t.info.LastModified, int(i))] = true
	}
	return nil
}

// awaitCount waits until everything on disk is counted.
func awaitCount(t testing.TB, c *Cache) Status {
	t.Helper()
	for !c.Status().Counted {
		if t.Context().Err() != nil {
			t.Fatal("never counted")
		}
		<-time.After(time.Millisecond)
	}
	return c.Status()
}

// checkAccount compares what an idle cache says it holds with what is on disk.
func checkAccount(t testing.TB, c *Cache, found onDisk) {
	t.Helper()
	s := awaitCount(t, c)
	if s.Bytes != found.bytes || s.Objects != found.objects {
		t.Errorf("the status says %d bytes of %d objects, on disk are %d of %d", s.Bytes, s.Objects, found.bytes, found.objects)
	}
}
