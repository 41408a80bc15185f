package ccm

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestStoreIsBounded(t *testing.T) {
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "left"+partSuffix), []byte("x"), 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "notes.txt"), []byte("x"), 0o600))
	s, err := openStore(folder)
	must(t, err)
	defer s.close()
	for n := range 3 * maxStored {
		key := fmt.Sprint("key", n)
		s.Set(key, []byte("value"))
		// Files of one instant have no order.
		at := time.Unix(1e9+int64(n), 0)
		must(t, os.Chtimes(filepath.Join(folder, entryName(key)), at, at))
	}
	s.Set("large", make([]byte, maxStoredEntry+1))
	if _, ok := s.Get("large"); ok {
		t.Error("too large an entry is kept")
	}
	if v, ok := s.Get(fmt.Sprint("key", 3*maxStored-1)); !ok || string(v) != "value" {
		t.Errorf("the last entry is %q, %v", v, ok)
	}
	if _, ok := s.Get("key0"); ok {
		t.Error("the oldest entry is still there")
	}
	files, err := os.ReadDir(folder)
	must(t, err)
	if len(files) != maxStored+1 { // notes.txt is not ours
		t.Errorf("%d files, want %d", len(files), maxStored+1)
	}
	must(t, os.Rename(filepath.Join(folder, entryName(fmt.Sprint("key", 3*maxStored-1))), filepath.Join(folder, entryName("other"))))
	if _, ok := s.Get("other"); ok {
		t.Error("an entry passes under another name")
	}
	s.Delete(fmt.Sprint("key", 3*maxStored-2))
	if _, ok := s.Get(fmt.Sprint("key", 3*maxStored-2)); ok {
		t.Error("a deleted entry is still there")
	}
}
