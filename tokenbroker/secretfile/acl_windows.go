package secretfile

import (
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Rights that strangers must not have, to a secret and to the directory that it is in.
const (
	anything = windows.GENERIC_ALL | windows.WRITE_DAC | windows.WRITE_OWNER
	toFile   = anything | windows.GENERIC_READ | windows.GENERIC_WRITE | windows.FILE_READ_DATA | windows.FILE_WRITE_DATA
	toDir    = anything | windows.GENERIC_WRITE | windows.FILE_WRITE_DATA | deleteChild
	// deleteChild is FILE_DELETE_CHILD of winnt.h; FILE_WRITE_DATA of a directory is the right to add files.
	deleteChild = 0x40
)

// checkAccess refuses a secret that everybody may have read, or may have put there.
func checkAccess(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return notAFile(f.Name())
	}
	if err := closed(f.Name(), toFile); err != nil {
		return err
	}
	return closed(filepath.Dir(f.Name()), toDir)
}

// checkGiven is checkAccess: what is put below C:\ProgramData inherits that all users may read it.
func checkGiven(f *os.File) error { return checkAccess(f) }

// closed refuses what is open to groups of users that are no administrators.
func closed(path string, rights windows.ACCESS_MASK) error {
	descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("reading the access list of %s: %w", path, err)
	}
	if descriptor == nil {
		return tooOpen(path)
	}
	list, _, err := descriptor.DACL()
	if err != nil || list == nil { // no list at all: everybody may do everything
		return tooOpen(path)
	}
	for i := range uint32(list.AceCount) {
		var entry *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &entry); err != nil {
			return fmt.Errorf("reading the access list of %s: %w", path, err)
		}
		if entry.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE || entry.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue
		}
		if entry.Mask&rights != 0 && everybody((*windows.SID)(unsafe.Pointer(&entry.SidStart))) {
			return tooOpen(path)
		}
	}
	return nil
}

// everybody recognizes the groups that any user of the machine may be in.
func everybody(sid *windows.SID) bool {
	for _, kind := range []windows.WELL_KNOWN_SID_TYPE{
		windows.WinWorldSid, windows.WinAuthenticatedUserSid, windows.WinInteractiveSid, windows.WinBuiltinUsersSid,
		windows.WinBuiltinGuestsSid, windows.WinAnonymousSid,
	} {
		if sid.IsWellKnown(kind) {
			return true
		}
	}
	return false
}

func tooOpen(path string) error {
	return fmt.Errorf("all users of this machine may use %s; close it with: "+
		`icacls "%[1]s" /inheritance:r /grant:r *S-1-5-18:F *S-1-5-32-544:F`, path)
}
