package secretfile_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"branchpoint/tokenbroker/secretfile"
)

func TestPublic(t *testing.T) {
	path := filepath.Join(private(t), "public")
	if _, err := secretfile.ReadPublic(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadPublic of no file = %v", err)
	}
	for _, text := range []string{"one", "a longer one\n", "3"} {
		if err := secretfile.WritePublic(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("for others the file holds %q, %v, want %q", got, err, text)
		}
		if got, err := secretfile.ReadPublic(path); err != nil || string(got) != text {
			t.Errorf("ReadPublic = %q, %v, want %q", got, err, text)
		}
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), secretfile.MaxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secretfile.ReadPublic(path); err == nil {
		t.Error("a file of more than a MiB is read")
	}
}

func TestMove(t *testing.T) {
	dir := private(t)
	from, to := filepath.Join(dir, "next"), filepath.Join(dir, "current")
	for _, text := range []string{"one", "two"} { // to a free name, and over a file
		if err := secretfile.Create(from, "test", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := secretfile.Move(from, to); err != nil {
			t.Fatal(err)
		}
		if got, err := secretfile.Read(to, "test"); err != nil || string(got) != text {
			t.Errorf("after Move the file holds %q, %v, want %q", got, err, text)
		}
	}
	if got := names(t, dir); !slices.Equal(got, []string{"current"}) {
		t.Errorf("the directory holds %q", got)
	}
	if err := secretfile.Move(from, to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Move of no file = %v", err)
	}
}

func TestRemove(t *testing.T) {
	path := filepath.Join(private(t), "secret")
	if err := secretfile.Write(path, "test", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it is not there
		if err := secretfile.Remove(path); err != nil {
			t.Errorf("Remove = %v", err)
		}
		if got := names(t, filepath.Dir(path)); len(got) != 0 {
			t.Errorf("the directory holds %q", got)
		}
	}
}
