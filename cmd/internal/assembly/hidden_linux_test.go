package assembly

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"branchpoint/admin"
	"branchpoint/proxy/authority"
)

// TestReloadWithAHiddenAuthority: an authority that we may not look for any more stays in use, and the reload fails. Nobody
// misses one that was never found.
func TestReloadWithAHiddenAuthority(t *testing.T) {
	r := newRig(t, twoListeners)
	r.must(errors.Join(os.Chmod(filepath.Dir(r.dir), 0o755), os.Chmod(r.file, 0o644)))
	names, err := authority.ParseNames([]string{"dp1"})
	r.must(err)
	hidden, link := filepath.Join(r.dir, "hidden"), filepath.Join(r.dir, "ca")
	r.must(os.Mkdir(hidden, 0o700))
	_, err = authority.Create(filepath.Join(hidden, "ca"), names)
	r.must(err)
	r.must(os.Symlink(filepath.Join(hidden, "ca"), link))
	r.reloads("interception.ca_directory")
	inUse := r.files.authority

	withoutPrivileges(t, hidden, func() {
		_, err := r.Reload()
		rejected, ok := errors.AsType[*admin.Rejected](err)
		if !ok || !strings.HasPrefix(rejected.Reason, errHidden.Error()+": ") || !strings.Contains(rejected.Reason, link) {
			t.Errorf("the reload: %v", err)
		}
	})
	if !r.front.Interception().On || r.files.authority != inUse {
		t.Error("HTTPS is seen into no more")
	}
	r.reloads()

	r.must(os.Remove(link))
	r.reloads("interception.ca_directory")
	r.must(os.Symlink(filepath.Join(hidden, "ca"), link))
	withoutPrivileges(t, hidden, func() { r.reloads() })
	if said := "not seen into\" error=\"" + errHidden.Error(); r.front.Interception().On || strings.Count(r.says.String(), said) != 1 {
		t.Errorf("the log says\n%s", r.says)
	}
}

// withoutPrivileges runs f where nobody may look into a directory, not even root.
func withoutPrivileges(t *testing.T, dir string, f func()) {
	t.Helper()
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	if os.Geteuid() == 0 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := unix.Setfsuid(65534); err != nil { // of this thread
			t.Fatal(err)
		}
		defer unix.Setfsuid(0)
	}
	f()
}
