package truststore_test

import (
	"errors"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"branchpoint/cmd/internal/truststore"
)

// TestStore uses a store of the machine that nobody trusts, and removes it.
func TestStore(t *testing.T) {
	const place = "BranchpointTest"
	t.Cleanup(func() { deleteStore(t, place) })
	store := open(t, place)
	one, other := certificate(t), certificate(t)
	installed(t, store, one, false)
	for range 2 { // the second changes nothing
		err := store.Install(t.Context(), one)
		if errors.Is(err, truststore.ErrPrivilege) {
			t.Skip("this needs an administrator")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	installed(t, store, one, true)
	installed(t, store, other, false)
	if err := store.Install(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	removes(t, store, one, true)
	removes(t, store, one, false)
	installed(t, store, one, false)
	installed(t, store, other, true)
	removes(t, store, other, true)
	installed(t, store, other, false)
}

func deleteStore(t *testing.T, place string) {
	t.Helper()
	name, err := windows.UTF16PtrFromString(place)
	if err != nil {
		t.Fatal(err)
	}
	_, err = windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM_W, 0, 0,
		windows.CERT_SYSTEM_STORE_LOCAL_MACHINE|windows.CERT_STORE_DELETE_FLAG, uintptr(unsafe.Pointer(name)))
	// No handle is the sign of success, for which the wrapper has an error of its own.
	if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		t.Errorf("removing the store: %v", err)
	}
}
