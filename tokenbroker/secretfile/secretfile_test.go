package secretfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"branchpoint/tokenbroker/secretfile"
)

// private is a directory as MakeDirectory makes it.
func private(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := secretfile.MakeDirectory(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestRoundTrip(t *testing.T) {
	for _, purpose := range []string{"", "a test"} {
		t.Run("purpose "+purpose, func(t *testing.T) {
			path := filepath.Join(private(t), "secret")
			if _, err := secretfile.Read(path, purpose); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Read of no file = %v", err)
			}
			for _, text := range []string{"one", "a longer one\n", "3"} {
				if err := secretfile.Write(path, purpose, []byte(text)); err != nil {
					t.Fatal(err)
				}
				if got, err := secretfile.Read(path, purpose); err != nil || string(got) != text {
					t.Errorf("Read = %q, %v, want %q", got, err, text)
				}
			}
			if err := secretfile.Create(path, purpose, []byte("x")); !errors.Is(err, fs.ErrExist) {
				t.Errorf("Create over a file = %v, want fs.ErrExist", err)
			}
			if got, err := secretfile.Read(path, purpose); err != nil || string(got) != "3" {
				t.Errorf("after a Create that was refused the file holds %q, %v", got, err)
			}
			if got := names(t, filepath.Dir(path)); len(got) != 1 {
				t.Errorf("the directory holds %q, want the file alone", got)
			}
		})
	}
}

func TestMakeDirectoryTwice(t *testing.T) {
	dir := private(t)
	if err := secretfile.MakeDirectory(dir); err != nil {
		t.Errorf("MakeDirectory of one that is there = %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := secretfile.MakeDirectory(filepath.Join(file, "below")); err == nil {
		t.Error("MakeDirectory below a file succeeds")
	}
}

// TestManyWriters lets writers and readers meet on one file: a reader sees what one of the writers wrote, whole.
func TestManyWriters(t *testing.T) {
	path := filepath.Join(private(t), "secret")
	text := func(i int) []byte { return bytes.Repeat([]byte{byte('a' + i)}, 3000+i) }
	if err := secretfile.Write(path, "test", text(0)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 10 {
				if err := secretfile.Write(path, "test", text(i)); err != nil {
					t.Error(err)
				}
				got, err := secretfile.Read(path, "test")
				if err != nil {
					t.Error(err)
				} else if !bytes.Equal(got, text(int(got[0]-'a'))) {
					t.Errorf("Read gives %d bytes that nobody wrote", len(got))
				}
			}
		})
	}
	wg.Wait()
}

func TestOneCreates(t *testing.T) {
	path := filepath.Join(private(t), "secret")
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = secretfile.Create(path, "test", fmt.Append(nil, i)) })
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = i
		case !errors.Is(err, fs.ErrExist):
			t.Errorf("Create %d = %v, after %d succeeded", i, err, winner)
		}
	}
	if got, err := secretfile.Read(path, "test"); err != nil || string(got) != fmt.Sprint(winner) {
		t.Errorf("the file holds %q, %v, want what %d wrote", got, err, winner)
	}
}

func TestTooLong(t *testing.T) {
	path := filepath.Join(private(t), "secret")
	if err := secretfile.Write(path, "", make([]byte, secretfile.MaxSize)); err == nil {
		t.Error("a text of a MiB is written")
	}
	if err := os.WriteFile(path, make([]byte, secretfile.MaxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secretfile.Read(path, ""); err == nil {
		t.Error("a file of more than a MiB is read")
	}
	if _, err := secretfile.Given(path); err == nil {
		t.Error("a given file of more than a MiB is read")
	}
}

func TestNoDirectory(t *testing.T) {
	if err := secretfile.Write(filepath.Join(t.TempDir(), "none", "secret"), "test", []byte("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Write into no directory = %v", err)
	}
}

func TestGivenLine(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
		ok               bool
	}{
		{"bare", "Pa ss", "Pa ss", true},
		{"with a newline", "Passw0rd\n", "Passw0rd", true},
		{"of Windows", "\ufeffPassw0rd\r\n", "Passw0rd", true},
		{"spaces count", " x \n", " x ", true},
		{"empty", "", "", false},
		{"a newline only", "\n", "", false},
		{"two lines", "a\nb\n", "", false},
		{"UTF-16", "\xff\xfeP\x00", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(private(t), "given")
			if err := secretfile.Write(path, "", []byte(test.text)); err != nil {
				t.Fatal(err)
			}
			got, err := secretfile.GivenLine(path)
			if got != test.want || (err == nil) != test.ok {
				t.Errorf("GivenLine of %q = %q, %v, want %q", test.text, got, err, test.want)
			}
		})
	}
	if _, err := secretfile.GivenLine(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("GivenLine of no file = %v", err)
	}
	if _, err := secretfile.Given(t.TempDir()); err == nil {
		t.Error("a directory is given for a file")
	}
}
