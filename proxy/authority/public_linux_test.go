package authority_test

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"branchpoint/proxy/authority"
)

// TestReadPublicOfAnotherUser: who may not open the key sees the certificate nevertheless.
func TestReadPublicOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	dir := created(t, "dp1.example.com")
	want := read(t, dir).Current
	for _, above := range []string{"", "/..", "/../../.."} {
		if err := os.Chmod(dir+above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setfsuid(65534); err != nil { // of this thread
		t.Fatal(err)
	}
	defer unix.Setfsuid(0)
	got, unread, err := authority.ReadPublic(dir)
	if err != nil || !errors.Is(unread, fs.ErrPermission) || !got.Current.Equal(want) {
		t.Errorf("ReadPublic = %v, %v, %v", got, unread, err)
	}
}
