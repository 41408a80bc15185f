package secretfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// makeDirectory makes a directory, and those above it, for the system, administrators and this user only.
func makeDirectory(dir string) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return err
	}
	attributes, err := private("OICI")
	if err != nil {
		return err
	}
	if err := windows.CreateDirectory(path, attributes); err != nil && !errors.Is(err, fs.ErrExist) {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: err}
	}
	return nil
}

// create makes a temporary file that only the system, administrators and this user may open, and no one while we write.
func create(dir string, _ fs.FileMode) (*os.File, error) {
	name := filepath.Join(dir, ".part-"+rand.Text())
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	attributes, err := private("")
	if err != nil {
		return nil, err
	}
	handle, err := windows.CreateFile(path, windows.GENERIC_WRITE, 0, attributes, windows.CREATE_NEW, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: err}
	}
	return os.NewFile(uintptr(handle), name), nil
}

// private is the protection of what is made: full access for the system, administrators and this user. inheritance is empty,
// or OICI for what is made inside.
func private(inheritance string) (*windows.SecurityAttributes, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("asking who we are: %w", err)
	}
	list := fmt.Sprintf("D:P(A;%[1]s;FA;;;SY)(A;%[1]s;FA;;;BA)(A;%[1]s;FA;;;%[2]s)", inheritance, user.User.Sid)
	descriptor, err := windows.SecurityDescriptorFromString(list)
	if err != nil {
		return nil, fmt.Errorf("making an access list: %w", err)
	}
	attributes := &windows.SecurityAttributes{SecurityDescriptor: descriptor}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	return attributes, nil
}

// replace moves a file over what is there. Somebody who reads that just now, such as a scanner for viruses, holds it for a
// moment, and nobody can replace it until then.
func replace(from, to string) error {
	return patiently(2*time.Second, func() error { return os.Rename(from, to) })
}

// open opens a file that another process may be replacing just now, which keeps it from us for a moment.
func open(path string) (f *os.File, err error) {
	err = patiently(200*time.Millisecond, func() error {
		f, err = os.Open(path)
		return err
	})
	return f, err
}

// patiently tries again, for some time, while somebody else holds a file.
func patiently(atMost time.Duration, try func() error) (err error) {
	for pause := 5 * time.Millisecond; pause < atMost; pause *= 2 {
		err = try()
		if !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return err
		}
		time.Sleep(pause)
	}
	return err
}

// placeNew moves a file to a name that is not in use.
func placeNew(from, to string) error {
	old, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	name, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	if err := windows.MoveFileEx(old, name, windows.MOVEFILE_WRITE_THROUGH); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// syncDirectory does nothing: Windows has no such thing.
func syncDirectory(string) error { return nil }
