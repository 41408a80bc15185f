package authority_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"branchpoint/proxy/authority"
)

func accessList(t *testing.T, path string) *windows.SECURITY_DESCRIPTOR {
	t.Helper()
	descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		t.Fatal(err)
	}
	return descriptor
}

func TestAccessList(t *testing.T) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	dir := created(t, "dp1.example.com")
	for _, path := range []string{dir, filepath.Join(dir, "ca.key")} {
		list, _, err := accessList(t, path).DACL()
		if err != nil || list == nil {
			t.Fatalf("%s has no access list: %v", path, err)
		}
		text := accessList(t, path).String()
		for entry := range strings.SplitSeq(text[strings.Index(text, "("):], "(") {
			who := strings.TrimSuffix(entry[strings.LastIndex(entry, ";")+1:], ")")
			if who != "" && who != "SY" && who != "BA" && who != user.User.Sid.String() {
				t.Errorf("%s is open to %s: %s", path, who, text)
			}
		}
	}
}

func TestSealed(t *testing.T) {
	dir := created(t, "dp1.example.com")
	path := filepath.Join(dir, "ca.key")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("DPAPI")) || bytes.Contains(text, []byte("PRIVATE KEY")) {
		t.Errorf("the key is not protected: %.64q", text)
	}
	at := len(text) / 2
	text[at] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := authority.Load(dir); err == nil || !strings.Contains(err.Error(), "DPAPI") {
		t.Errorf("Load of a damaged key = %v", err)
	}
}

func TestOpenToOthers(t *testing.T) {
	for _, test := range []struct{ name, file, list string }{
		{"a key that everybody may read", "ca.key", "D:P(A;;FA;;;SY)(A;;FR;;;WD)"},
		{"a key that everybody may write", "ca.key", "D:P(A;;FA;;;BA)(A;;FW;;;WD)"},
		{"a directory that everybody may write", "", "D:P(A;;FA;;;SY)(A;;FA;;;WD)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := created(t, "dp1.example.com")
			descriptor, err := windows.SecurityDescriptorFromString(test.list)
			if err != nil {
				t.Fatal(err)
			}
			list, _, err := descriptor.DACL()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, test.file)
			err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
				windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := authority.Load(dir); err == nil || !strings.Contains(err.Error(), `icacls "`+path+`"`) {
				t.Errorf("Load = %v, want how to close it (the list is %s)", err, accessList(t, path))
			}
		})
	}
}
