package integration

import (
	"bytes"
	"encoding/base64"
	be "encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchpoint/integration/sim"
)

// sliceBytes is the unit in which the cache claims bytes.
const sliceBytes = 1 << 20

// claim is a stretch of a file that the cache directory says it holds.
type claim struct {
	file     *sim.File
	off, end int64
}

// rawRecord is what is needed of a record. It is read here by hand, not by the code that wrote it.
type rawRecord struct {
	Name          json.RawMessage `json:"name"`
	Size          int64           `json:"size"`
	SliceBytes    int64           `json:"slice_bytes"`
	Present, Sums []byte
}

// auditCache reads a whole cache directory, and fails the test for every claim in it that is not the truth. It returns the
// claims.
func auditCache(t testing.TB, dir string, truth []*sim.File) (claims []claim) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".rec") {
			return err
		}
		found, err := auditRecord(path, truth)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
		claims = append(claims, found...)
		return nil
	})
	must(t, err)
	return claims
}

// auditRecord checks one record and the data file beside it.
func auditRecord(path string, truth []*sim.File) (claims []claim, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := parseRecord(text)
	if err != nil {
		return nil, err
	}
	f, err := fileOf(r, truth)
	if err != nil {
		return nil, err
	}
	if r.Size != f.Size || r.SliceBytes != sliceBytes {
		return nil, fmt.Errorf("size %d in slices of %d, the file has %d", r.Size, r.SliceBytes, f.Size)
	}
	data, err := os.Open(strings.TrimSuffix(path, ".rec") + ".dat")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // what is not there claims nothing: the program takes it so too
	}
	if err != nil {
		return nil, err
	}
	defer data.Close()
	for off := int64(0); off < f.Size; off += sliceBytes {
		i := off / sliceBytes
		if r.Present[i/8]&(1<<(i%8)) == 0 {
			continue
		}
		slice := make([]byte, min(sliceBytes, f.Size-off))
		if _, err := data.ReadAt(slice, off); err != nil {
			return nil, fmt.Errorf("slice %d: %w", i, err)
		}
		if bad := f.Mismatch(slice, off); bad >= 0 {
			return nil, fmt.Errorf("slice %d: the byte at %d is wrong", i, off+int64(bad))
		}
		if sum := crc32.Checksum(slice, crc32.MakeTable(crc32.Castagnoli)); sum != be.BigEndian.Uint32(r.Sums[4*i:]) {
			return nil, fmt.Errorf("slice %d: right, but its checksum is not", i)
		}
		claims = append(claims, claim{f, off, off + int64(len(slice))})
	}
	return claims, nil
}

// parseRecord takes a record apart: a line of JSON and a line with its CRC-32C.
func parseRecord(text []byte) (*rawRecord, error) {
	line, sum, _ := bytes.Cut(text, []byte("\n"))
	if want := fmt.Sprintf("%08x\n", crc32.Checksum(line, crc32.MakeTable(crc32.Castagnoli))); string(sum) != want {
		return nil, fmt.Errorf("a torn record: its checksum line is %q, not %q", sum, want)
	}
	r := &rawRecord{}
	if err := json.Unmarshal(line, r); err != nil {
		return nil, err
	}
	slices := (r.Size + sliceBytes - 1) / sliceBytes
	if int64(len(r.Sums)) != 4*slices || int64(len(r.Present)) != (slices+7)/8 {
		return nil, fmt.Errorf("%d bits and %d bytes of sums for %d slices", 8*len(r.Present), len(r.Sums), slices)
	}
	return r, nil
}

// fileOf finds the file that a record is about: its name ends with content and path, where packages and updates have no version, or
// with a container and the name of a blob.
func fileOf(r *rawRecord, truth []*sim.File) (*sim.File, error) {
	var name string
	if err := json.Unmarshal(r.Name, &name); err != nil {
		return nil, err
	}
	plain, err := url.PathUnescape(name)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	_, blob, _ := strings.Cut(plain, "/blob/")
	for _, f := range truth {
		bare := strings.ToLower("/" + f.Content + "/" + f.Path)
		if strings.HasSuffix(plain, "/"+f.Key()) || strings.HasSuffix(plain, bare) || blob == blobOf(f) {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%q is no file of the truth", name)
}

// blobOf is where the simulated cloud has a file: its container and its path in it.
func blobOf(f *sim.File) string {
	container := strings.NewReplacer(".", "-", "_", "-").Replace(strings.ToLower(fmt.Sprintf("%s.%d", f.Content, f.Version)))
	return container + "/" + f.Path
}

// claimed is the sum of what claims hold, in bytes.
func claimed(claims []claim) (sum int64) {
	for _, c := range claims {
		sum += c.end - c.off
	}
	return sum
}

// fetchedAgain is how many of the claimed bytes a DP has sent.
func fetchedAgain(claims []claim, sent []sim.Sent) (again int64) {
	for _, s := range sent {
		for _, c := range claims {
			if s.File == c.file.Key() {
				again += max(0, min(c.end, s.Offset+s.Length)-max(c.off, s.Offset))
			}
		}
	}
	return again
}

// TestAuditFinds: the audit that the other tests rely on does see what is wrong.
func TestAuditFinds(t *testing.T) {
	lib := sim.NewLibrary()
	v, err := lib.Publish(app, sim.FileSpec{Path: "a.bin", Size: 2*sliceBytes + 5})
	must(t, err)
	f := v.Files()[0]
	bytesOf := func() []byte {
		data := make([]byte, f.Size)
		_, err := f.ReadAt(data, 0)
		must(t, err)
		return data
	}
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	for _, c := range []struct {
		name  string
		spoil func(record, data []byte) ([]byte, []byte)
		want  string // "" when all is well
	}{
		{"all well", func(r, d []byte) ([]byte, []byte) { return r, d }, ""},
		{"wrong byte", func(r, d []byte) ([]byte, []byte) { d[sliceBytes+7] ^= 1; return r, d }, "is wrong"},
		{"a byte of a slice that is not claimed", func(r, d []byte) ([]byte, []byte) { d[0] ^= 1; return r, d }, ""},
		{"data cut short", func(r, d []byte) ([]byte, []byte) { return r, d[:2*sliceBytes] }, "slice 2"},
		{"torn record", func(r, d []byte) ([]byte, []byte) { return r[:len(r)/2], d }, "torn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := bytesOf()
			sums := make([]byte, 12)
			for i := range 3 {
				slice := data[i*sliceBytes : min((i+1)*sliceBytes, len(data))]
				be.BigEndian.PutUint32(sums[4*i:], crc32.Checksum(slice, castagnoli))
			}
			line := fmt.Sprintf(`{"name":"h/package/%s","size":%d,"slice_bytes":%d,"present":"%s","sums":"%s"}`, f.Key(), f.Size,
				sliceBytes, base64.StdEncoding.EncodeToString([]byte{0b110}), base64.StdEncoding.EncodeToString(sums))
			record, data := c.spoil(fmt.Appendf(nil, "%s\n%08x\n", line, crc32.Checksum([]byte(line), castagnoli)), data)
			path := filepath.Join(t.TempDir(), "x.rec")
			must(t, os.WriteFile(path, record, 0o600))
			must(t, os.WriteFile(strings.TrimSuffix(path, "rec")+"dat", data, 0o600))
			claims, err := auditRecord(path, []*sim.File{f})
			switch {
			case c.want == "" && (err != nil || claimed(claims) != sliceBytes+5):
				t.Errorf("got %d bytes and %v, want %d and no error", claimed(claims), err, sliceBytes+5)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
