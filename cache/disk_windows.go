package cache

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// markSparse must come before the first far write, or NTFS fills the gap with zeros.
func markSparse(f *os.File) error {
	var returned uint32
	err := windows.DeviceIoControl(windows.Handle(f.Fd()), windows.FSCTL_SET_SPARSE, nil, 0, nil, 0, &returned, nil)
	if err == windows.ERROR_INVALID_FUNCTION || err == windows.ERROR_NOT_SUPPORTED {
		return nil // a file system without sparse files holds the same bytes, only less thriftily
	}
	return err
}

// syncFolder does nothing: NTFS journals its folders, and a folder cannot be flushed.
func syncFolder(*os.Root, string) error { return nil }

// busy tells an error that says nothing of the file: the machine is short of something now, or a virus scanner has it open.
func busy(err error) bool {
	for _, e := range []windows.Errno{
		windows.ERROR_TOO_MANY_OPEN_FILES, windows.ERROR_NO_SYSTEM_RESOURCES, windows.ERROR_NOT_ENOUGH_MEMORY,
		windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func freeBytes(directory string) (int64, error) {
	name, err := windows.UTF16PtrFromString(directory)
	if err != nil {
		return 0, err
	}
	var free uint64
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: directory, Err: err}
	}
	return int64(free), nil
}
