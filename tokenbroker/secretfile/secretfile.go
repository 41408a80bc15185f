// Package secretfile keeps secrets in files that nobody but their owner can read.
//
// On Unix the modes of a file and of its directory protect it; on Windows access lists do, and DPAPI seals what is in it for
// the machine. A file that others can read is refused, with what to do about it. Files are put into place whole, so that
// another process never sees half of one, and none is lost when the machine stops. Beside the secrets there may be files
// that are for everybody, such as the certificate of a key.
package secretfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// MaxSize bounds a file, in bytes. Keys with their certificates are a few KiB.
const MaxSize = 1 << 20

// Modes of the files that are made here. On Windows an access list stands for both.
const (
	secretMode fs.FileMode = 0o600
	publicMode fs.FileMode = 0o644
)

// Read reads a file that Write or Create made for the same purpose. The error Is fs.ErrNotExist when there is none. It
// refuses a file that others than its owner can use, or one in a directory that others can change. An empty purpose is a
// file that is only kept from others, and not sealed.
func Read(path, purpose string) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := checkAccess(f); err != nil {
		return nil, err
	}
	text, err := readAll(f)
	if err != nil || purpose == "" {
		return text, err
	}
	if text, err = unseal(text, purpose); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

// Write puts text into a file, in place of what is there. purpose tells on Windows what we sealed from what other programs
// did; it is no secret. Empty: the text is not sealed.
func Write(path, purpose string, text []byte) error {
	return write(path, purpose, text, secretMode, replace)
}

// Create puts text into a new file. The error Is fs.ErrExist when there is one: of two processes that create it at once,
// one succeeds.
func Create(path, purpose string, text []byte) error {
	return write(path, purpose, text, secretMode, placeNew)
}

// MakeDirectory makes a directory, and those above it, for the owner only. One that is there stays as it is. What root makes
// belongs to the owner of the directory around it: an administrator makes a key, and the service, which is not root, uses it.
func MakeDirectory(dir string) error { return makeDirectory(dir) }

// write puts a file into place whole: temporary file, write, sync, close, place, sync of the directory. place moves it there:
// replace does so over what is there, placeNew fails with fs.ErrExist.
func write(path, purpose string, text []byte, mode fs.FileMode, place func(from, to string) error) (err error) {
	if len(text) > MaxSize/2 { // sealing and its encoding make it longer
		return fmt.Errorf("%s would be longer than %d bytes", path, MaxSize/2)
	}
	if purpose != "" {
		if text, err = seal(text, purpose); err != nil {
			return fmt.Errorf("sealing %s: %w", path, err)
		}
	}
	f, err := create(filepath.Dir(path), mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeIfThere(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err = place(f.Name(), path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

func removeIfThere(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// readAll reads a file; a longer one than MaxSize is none of ours.
func readAll(f *os.File) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err == nil && len(text) > MaxSize {
		return nil, fmt.Errorf("%s is longer than %d bytes", f.Name(), MaxSize)
	}
	return text, err
}

// Given reads a secret that somebody put there for us: a key of a public key infrastructure, a password. A group may read it,
// since that is how such files are handed to a service; a file that everybody may read or change is refused, and so is one
// that is no file.
func Given(path string) ([]byte, error) {
	info, err := os.Stat(path) // before it is opened: opening a pipe would wait for its other end
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notAFile(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := checkGiven(f); err != nil {
		return nil, err
	}
	return readAll(f)
}

// GivenLine reads a secret of one line, such as a password, in the way of Given: without the end of the line, and without
// the byte order mark of Windows editors. An empty one, and one of several lines, are refused.
func GivenLine(path string) (string, error) {
	text, err := Given(path)
	if err != nil {
		return "", err
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if len(text) == 0 || bytes.ContainsAny(text, "\r\n\x00") {
		return "", fmt.Errorf("%s does not hold one line of text", path)
	}
	return string(text), nil
}

func notAFile(path string) error { return fmt.Errorf("%s is not a file", path) }
