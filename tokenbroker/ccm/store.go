package ccm

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxStored and maxStoredEntry bound a store: entries, and bytes of one with its headers.
	maxStored      = 32
	maxStoredEntry = maxMetadata + 64<<10
	storedSuffix   = ".doc"
	partSuffix     = ".part"
)

// diskStore keeps small public documents in a folder, a file each, so that a box that starts without its line to the site
// has them. An entry is whole or it is not there: a file is written beside its place, synced and renamed, and begins with
// the SHA-256 of the rest. What cannot be written is not kept, which costs a request later on.
type diskStore struct {
	root *os.Root
	mu   sync.Mutex // one writer
}

// openStore opens the folder, making it when it is not there.
func openStore(folder string) (*diskStore, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("document store: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("document store: %w", err)
	}
	s := &diskStore{root: root}
	s.trim()
	return s, nil
}

func (s *diskStore) close() error { return s.root.Close() }

func entryName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16]) + storedSuffix
}

// seal is what an entry begins with. The key is part of it, so that a file under a wrong name is none.
func seal(key string, value []byte) []byte {
	sum := sha256.New()
	sum.Write([]byte(key + "\n"))
	sum.Write(value)
	return sum.Sum(nil)
}

// Get returns an entry.
func (s *diskStore) Get(key string) ([]byte, bool) {
	f, err := s.root.Open(entryName(key))
	if err != nil {
		return nil, false
	}
	defer f.Close()
	raw, err := readLimited(f, sha256.Size+maxStoredEntry)
	if err != nil || len(raw) < sha256.Size || !bytes.Equal(raw[:sha256.Size], seal(key, raw[sha256.Size:])) {
		return nil, false
	}
	return raw[sha256.Size:], true
}

// Set keeps an entry, and drops the oldest ones where there are too many.
func (s *diskStore) Set(key string, value []byte) {
	if len(value) > maxStoredEntry {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	part := rand.Text() + partSuffix
	if err := s.writePart(part, append(seal(key, value), value...)); err != nil {
		_ = s.root.Remove(part)
		return
	}
	if err := s.root.Rename(part, entryName(key)); err != nil {
		_ = s.root.Remove(part)
		return
	}
	s.trim()
}

func (s *diskStore) writePart(name string, content []byte) error {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// Delete drops an entry.
func (s *diskStore) Delete(key string) { _ = s.root.Remove(entryName(key)) }

// trim removes what a crash left half-written, and the oldest entries beyond the bound.
func (s *diskStore) trim() {
	list, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return
	}
	type aged struct {
		name    string
		written time.Time
	}
	var entries []aged
	for _, e := range list {
		switch info, err := e.Info(); {
		case err != nil:
		case strings.HasSuffix(e.Name(), partSuffix):
			_ = s.root.Remove(e.Name())
		case strings.HasSuffix(e.Name(), storedSuffix):
			entries = append(entries, aged{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(entries, func(a, b aged) int {
		return cmp.Or(b.written.Compare(a.written), strings.Compare(a.name, b.name))
	})
	for _, e := range entries[min(len(entries), maxStored):] {
		_ = s.root.Remove(e.name)
	}
}
