package sim

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"
)

const (
	testPackage = "PS100015"
	testApp     = "Content_6c4dd1b9-2b0e-4b6e-9d11-2f3f5a0c0005"
	testUpdate  = "0f0e3a52-9c3a-4f0e-8d34-111213141516"
)

// newTestLibrary has a package, an application and an update, with the names that break URLs.
func newTestLibrary(t testing.TB) *Library {
	t.Helper()
	l := NewLibrary()
	long := ""
	for len(long) < 190 {
		long += "a folder name/"
	}
	publish(t, l, testPackage,
		FileSpec{Path: "setup.exe", Size: 3<<20 + 17},
		FileSpec{Path: "sub/Read Me.txt", Data: []byte("hello")},
		FileSpec{Path: "sub/deep/a+b&c;d=e.exe", Size: 1000},
		FileSpec{Path: "100% #1 [x] 'q'.cab", Size: 2000},
		FileSpec{Path: "größe.msi", Size: 3000},
		FileSpec{Path: "empty.dat"},
		FileSpec{Path: long + "x.bin", Size: 10},
		FileSpec{Path: "huge.wim", Size: 5 << 30},
	)
	publish(t, l, testApp, FileSpec{Path: "app.msi", Size: 70_000, Seed: 9})
	publish(t, l, testUpdate, FileSpec{Path: "kb.cab", Size: 70_000, Seed: 9})
	return l
}

func publish(t testing.TB, l *Library, id string, files ...FileSpec) *Version {
	t.Helper()
	v, err := l.Publish(id, files...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustFile(t testing.TB, l *Library, segment, path string) *File {
	t.Helper()
	f, err := l.File(segment, path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPatternIsAFunctionOfSeedAndOffset(t *testing.T) {
	f := mustFile(t, newTestLibrary(t), testPackage, "setup.exe")
	whole := make([]byte, f.Size)
	if n, err := f.ReadAt(whole, 0); err != nil || int64(n) != f.Size {
		t.Fatalf("read all: %d, %v", n, err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		off := r.Int64N(f.Size)
		part := make([]byte, r.IntN(70_000))
		n, err := f.ReadAt(part, off)
		if want := min(int64(len(part)), f.Size-off); int64(n) != want || (err == io.EOF) != (n < len(part)) {
			t.Fatalf("ReadAt(%d bytes, %d) = %d, %v, want %d", len(part), off, n, err, want)
		}
		if !bytes.Equal(part[:n], whole[off:off+int64(n)]) {
			t.Fatalf("ReadAt(%d bytes, %d) differs from the whole", len(part), off)
		}
		if got := f.Mismatch(part[:n], off); got != -1 {
			t.Fatalf("Mismatch of right bytes at %d = %d", off, got)
		}
	}
}

func TestMismatchNotices(t *testing.T) {
	l := newTestLibrary(t)
	f, huge := mustFile(t, l, testPackage, "setup.exe"), mustFile(t, l, testPackage, "huge.wim")
	block := make([]byte, 4096)
	tests := map[string]struct {
		from *File
		off  int64
		at   int64
	}{
		"shifted by a byte":       {f, 1001, 1000},
		"shifted by a word":       {f, 1008, 1000},
		"shifted by a block":      {f, 1 << 20, 0},
		"another file":            {f, 4096, 4096},
		"beyond 4 GiB, truncated": {huge, 1 << 10, 1<<32 + 1<<10},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := tt.from.ReadAt(block, tt.off); err != nil {
				t.Fatal(err)
			}
			wrong := 0
			for i := 0; i < len(block); i += 8 {
				if huge.Mismatch(block[i:i+8], tt.at+int64(i)) >= 0 {
					wrong++
				}
			}
			if wrong != len(block)/8 {
				t.Errorf("%d of %d words were noticed", wrong, len(block)/8)
			}
		})
	}
	if _, err := f.ReadAt(block, 0); err != nil {
		t.Fatal(err)
	}
	block[3210] ^= 1
	if got := f.Mismatch(block, 0); got != 3210 {
		t.Errorf("one flipped bit found at %d, want 3210", got)
	}
	if got := f.Mismatch(block[:10], f.Size-4); got < 0 {
		t.Error("bytes past the end pass for right")
	}
}

func TestPublish(t *testing.T) {
	l := newTestLibrary(t)
	second := publish(t, l, "ps100015", FileSpec{Path: "setup.exe", Size: 5})
	if second.Number != 2 {
		t.Fatalf("second version is number %d", second.Number)
	}
	one, two, bare := mustFile(t, l, "PS100015.1", "SETUP.EXE"), mustFile(t, l, "PS100015.2", "setup.exe"),
		mustFile(t, l, "ps100015", "setup.exe")
	if bare != two || one == two || one.Size != 3<<20+17 || one.ModTime.Equal(two.ModTime) {
		t.Errorf("versions: one %v, two %v, bare %v", one, two, bare)
	}
	bad := map[string]struct {
		id    string
		files []FileSpec
	}{
		"no content ID":       {"setup", nil},
		"update twice":        {testUpdate, nil},
		"same name twice":     {testPackage, []FileSpec{{Path: "a"}, {Path: "A"}}},
		"file below file":     {testPackage, []FileSpec{{Path: "a"}, {Path: "a/b"}}},
		"folder is file":      {testPackage, []FileSpec{{Path: "a/b"}, {Path: "A"}}},
		"climbs":              {testPackage, []FileSpec{{Path: "../a"}}},
		"backslash":           {testPackage, []FileSpec{{Path: `a\b`}}},
		"no name":             {testPackage, []FileSpec{{}}},
		"negative size":       {testPackage, []FileSpec{{Path: "a", Size: -1}}},
		"absolute":            {testPackage, []FileSpec{{Path: "/a"}}},
		"application no guid": {"Content_1", nil},
	}
	for name, tt := range bad {
		if v, err := l.Publish(tt.id, tt.files...); err == nil {
			t.Errorf("%s: published as %v", name, v.Segment())
		}
	}
	for _, segment := range []string{testApp, testPackage + ".3", testPackage + ".0", testPackage + ".01", "nothing"} {
		if _, err := l.File(segment, "setup.exe"); err == nil {
			t.Errorf("%q names a version", segment)
		}
	}
}

func TestSharedBlob(t *testing.T) {
	l := newTestLibrary(t)
	a, b := mustFile(t, l, testApp+".1", "app.msi"), mustFile(t, l, testUpdate, "kb.cab")
	if a.blob != b.blob {
		t.Error("same seed and size, but two blobs")
	}
	data := make([]byte, a.Size)
	if _, err := a.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	if got, want := a.SHA256(), fmt.Sprintf("%X", sha256.Sum256(data)); got != want {
		t.Errorf("SHA256 = %s, want %s", got, want)
	}
}

func TestModTimeIsWholeSeconds(t *testing.T) {
	l := NewLibrary()
	v := publish(t, l, testPackage, FileSpec{Path: "a", ModTime: time.Date(2024, 1, 2, 3, 4, 5, 678, time.Local)})
	if got := v.Files()[0].ModTime; got.Nanosecond() != 0 || got.Location() != time.UTC {
		t.Errorf("ModTime = %v", got)
	}
}

func BenchmarkReadAt(b *testing.B) {
	f := newBlob(newPattern(), 1<<40, 5, nil)
	buf := make([]byte, 256<<10)
	b.SetBytes(int64(len(buf)))
	var off int64
	for b.Loop() {
		if _, err := f.ReadAt(buf, off); err != nil {
			b.Fatal(err)
		}
		off += int64(len(buf))
	}
}

func BenchmarkMismatch(b *testing.B) {
	f := newBlob(newPattern(), 1<<40, 5, nil)
	buf := make([]byte, 256<<10)
	if _, err := f.ReadAt(buf, 0); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		if f.mismatch(buf, 0) >= 0 {
			b.Fatal("mismatch")
		}
	}
}
