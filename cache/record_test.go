package cache

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func sampleRecords() []*record {
	modified := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	return []*record{
		{Version: 1, SliceBytes: sliceBytes, Name: "empty", Created: modified, Present: bits{}, Sums: []byte{}},
		{Version: 1, SliceBytes: sliceBytes, Name: "a", Size: 1, Created: modified, Present: bits{1}, Sums: []byte{1, 2, 3, 4}},
		{
			Version: 1, SliceBytes: sliceBytes, Name: "text \xff \u2028 <&> \"", Group: "\x00\xfe", Mutable: true, Pinned: true, Hot: true,
			Size: 9 * sliceBytes, LastModified: modified, ETag: "W/\"\xe4\"", ContentType: "a/b; c=\"\xfc\"",
			Created: modified, Present: bits{0xff, 1}, Sums: make([]byte, 36),
		},
	}
}

func TestRecordsSurvive(t *testing.T) {
	for _, r := range sampleRecords() {
		data, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeRecord(data)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("got %+v, want %+v", got, r)
		}
		for i := range data {
			damaged := bytes.Clone(data)
			damaged[i] ^= 1
			if _, err := decodeRecord(damaged); err == nil {
				t.Errorf("%q: a change of byte %d went unseen", data, i)
			}
			if _, err := decodeRecord(data[:i]); err == nil {
				t.Errorf("%q: a cut at %d went unseen", data, i)
			}
		}
	}
}

func TestAStrangeNameSurvivesARestart(t *testing.T) {
	names := []string{"ü", "\xff\xfe", "a\x00b", "..", "/etc/passwd", "a\nb", string(bytes.Repeat([]byte("long"), 2000))}
	dir := fastDir(t)
	src := newSource(newTruth(1, 10))
	src.t.info.ETag = "\"\xfc\""
	c := mustNew(t, Config{Directory: dir})
	for _, name := range names {
		mustFetch(t, c, Key{Name: name}, src, 0, -1)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	asked := src.requests()
	c = newTest(t, Config{Directory: dir})
	for _, name := range names {
		mustFetch(t, c, Key{Name: name}, src, 0, -1)
		r, err := c.Open(t.Context(), Key{Name: name}, src, Use{})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Info(); got.ETag != src.t.info.ETag || !got.LastModified.Equal(src.t.info.LastModified) {
			t.Errorf("%q: the Info is %+v now", name, got)
		}
		r.Close()
	}
	if src.requests() != asked {
		t.Error("some were fetched again")
	}
}

// TestAFileWithoutAByteSurvivesARestart: that there is nothing in it is what there is to know, and to record.
func TestAFileWithoutAByteSurvivesARestart(t *testing.T) {
	dir := fastDir(t)
	src, key := newSource(newTruth(1, 0)), Key{Name: "empty", Group: "content"}
	c := mustNew(t, Config{Directory: dir})
	mustFetch(t, c, key, src, 0, -1)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	asked := src.requests()
	c = newTest(t, Config{Directory: dir})
	mustFetch(t, c, key, src, 0, -1)
	if src.requests() != asked {
		t.Error("it was asked for again")
	}
	if !c.Remove(key.Name) {
		t.Error("it cannot be removed")
	}
}

// FuzzDecodeRecord gives decodeRecord any line, with a checksum that fits and as it is.
func FuzzDecodeRecord(f *testing.F) {
	for _, r := range sampleRecords() {
		data, err := r.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:bytes.IndexByte(data, '\n')])
	}
	f.Add([]byte(`{"version":1,"slice_bytes":1048576,"name":"a","size":9223372036854775807}`))
	f.Add([]byte(`{"version":1,"slice_bytes":1048576,"name":[],"size":-1}`))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := decodeRecord(data); err == nil {
			checkDecoded(t, r)
		}
		line, _, _ := bytes.Cut(data, []byte("\n"))
		if r, err := decodeRecord(withSum(line)); err == nil {
			checkDecoded(t, r)
		}
	})
}

func checkDecoded(t *testing.T, r *record) {
	if stored := r.stored(); stored < 0 || stored > r.Size {
		t.Errorf("%d bytes of %d are claimed", stored, r.Size)
	}
	if len(r.Sums) != 4*sliceCount(r.Size) {
		t.Errorf("%d bytes of checksums for %d slices", len(r.Sums), sliceCount(r.Size))
	}
	data, err := r.encode()
	if err != nil {
		t.Skip("a time beyond what can be written")
	}
	again, err := decodeRecord(data)
	if err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("%+v becomes %+v, %v", r, again, err)
	}
}
