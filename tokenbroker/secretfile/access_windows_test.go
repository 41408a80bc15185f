package secretfile_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"branchpoint/tokenbroker/secretfile"
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
	dir := private(t)
	file, public := filepath.Join(dir, "secret"), filepath.Join(dir, "public")
	if err := errors.Join(secretfile.Write(file, "test", []byte("x")), secretfile.WritePublic(public, []byte("x"))); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, file, public} {
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
	path := filepath.Join(private(t), "secret")
	if err := secretfile.Write(path, "test", []byte("the secret itself")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("DPAPI")) || bytes.Contains(text, []byte("itself")) {
		t.Errorf("the secret is not protected: %.64q", text)
	}
	if _, err := secretfile.Read(path, "another purpose"); err == nil || !strings.Contains(err.Error(), "DPAPI") {
		t.Errorf("Read for another purpose = %v", err)
	}
	text[len(text)/2] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secretfile.Read(path, "test"); err == nil || !strings.Contains(err.Error(), "DPAPI") {
		t.Errorf("Read of a damaged file = %v", err)
	}
}

func TestOpenToOthers(t *testing.T) {
	for _, test := range []struct{ name, file, list string }{
		{"everybody may read", "secret", "D:P(A;;FA;;;SY)(A;;FR;;;WD)"},
		{"everybody may write", "secret", "D:P(A;;FA;;;BA)(A;;FW;;;WD)"},
		{"everybody may write to the directory", "", "D:P(A;;FA;;;SY)(A;;FA;;;WD)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := private(t)
			path := filepath.Join(dir, "secret")
			if err := secretfile.Write(path, "test", []byte("x")); err != nil {
				t.Fatal(err)
			}
			descriptor, err := windows.SecurityDescriptorFromString(test.list)
			if err != nil {
				t.Fatal(err)
			}
			list, _, err := descriptor.DACL()
			if err != nil {
				t.Fatal(err)
			}
			open := filepath.Join(dir, test.file)
			err = windows.SetNamedSecurityInfo(open, windows.SE_FILE_OBJECT,
				windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, readErr := secretfile.Read(path, "test")
			_, givenErr := secretfile.Given(path)
			for verb, err := range map[string]error{"Read": readErr, "Given": givenErr} {
				if err == nil || !strings.Contains(err.Error(), `icacls "`+open+`"`) {
					t.Errorf("%s = %v, want how to close it (the list is %s)", verb, err, accessList(t, open))
				}
			}
		})
	}
}
