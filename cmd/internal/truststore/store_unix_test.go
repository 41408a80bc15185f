//go:build !windows

package truststore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchpoint/cmd/internal/truststore"
)

// machine makes a root directory with a distribution in it, whose program concatenates the anchors as the real ones do.
func machine(t *testing.T, tool, anchors string) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, dir := range []string{filepath.Dir(tool), anchors, "etc/ssl/certs"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := fmt.Sprintf("#!/bin/sh -e\n[ ! -e %[1]s/broken ] || { echo no space left; exit 3; }\necho \"$@\" >%[1]s/args\n"+
		"cat %[1]s/%[2]s/*.crt >%[1]s/bundle 2>/dev/null || : >%[1]s/bundle\n", root, anchors)
	if err := os.WriteFile(filepath.Join(root, tool), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFamilies(t *testing.T) {
	for _, test := range []struct{ name, tool, anchors, args string }{
		{"Debian", "usr/sbin/update-ca-certificates", "usr/local/share/ca-certificates", ""},
		{"Red Hat", "usr/bin/update-ca-trust", "etc/pki/ca-trust/source/anchors", "extract"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := machine(t, test.tool, test.anchors)
			store := open(t, root)
			one, other := certificate(t), certificate(t)
			installed(t, store, one, false)
			for range 2 { // the second changes nothing
				if err := store.Install(t.Context(), one); err != nil {
					t.Fatal(err)
				}
			}
			if err := store.Install(t.Context(), other); err != nil {
				t.Fatal(err)
			}
			installed(t, store, one, true)
			if args := strings.TrimSpace(contents(t, root+"/args")); args != test.args {
				t.Errorf("the program is called with %q, want %q", args, test.args)
			}
			if n := strings.Count(contents(t, root+"/bundle"), "BEGIN CERTIFICATE"); n != 2 {
				t.Errorf("the list has %d certificates, want 2", n)
			}
			files, err := filepath.Glob(filepath.Join(root, test.anchors, "*"))
			if err != nil || len(files) != 2 || !strings.HasPrefix(filepath.Base(files[0]), "branchpoint-") {
				t.Errorf("the files are %q, %v", files, err)
			}
			if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o644 {
				t.Errorf("%v, %v: not everybody may read it", info.Mode(), err)
			}
			removes(t, store, one, true)
			if args := contents(t, root+"/args"); test.name == "Red Hat" && strings.TrimSpace(args) != test.args {
				t.Errorf("the program is called with %q, want %q", args, test.args)
			}
			removes(t, store, one, false)
			installed(t, store, one, false)
			installed(t, store, other, true)
			removes(t, store, other, true)
			if left := contents(t, root+"/bundle"); left != "" {
				t.Errorf("the list still has %q", left)
			}
		})
	}
}

// TestBroken has the distribution's program fail: everything stays as it was.
func TestBroken(t *testing.T) {
	root := machine(t, "usr/sbin/update-ca-certificates", "usr/local/share/ca-certificates")
	store := open(t, root)
	there, fresh := certificate(t), certificate(t)
	if err := store.Install(t.Context(), there); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/broken", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := store.Install(t.Context(), fresh); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("Install = %v, want what the program said", err)
	}
	installed(t, store, fresh, false)
	if err := store.Install(t.Context(), there); err == nil {
		t.Error("Install of one that is there says nothing")
	}
	installed(t, store, there, true)
	if was, err := store.Remove(t.Context(), there); err == nil || was || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("Remove = %v, %v, want what the program said", was, err)
	}
	installed(t, store, there, true)
}

// TestHangs has the distribution's program take for ever.
func TestHangs(t *testing.T) {
	root := machine(t, "usr/sbin/update-ca-certificates", "usr/local/share/ca-certificates")
	if err := os.WriteFile(root+"/usr/sbin/update-ca-certificates", []byte("#!/bin/sh\nexec sleep 60\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := open(t, root).Install(ctx, certificate(t)); err == nil {
		t.Error("Install succeeds")
	}
}

// TestForget looks at what Debian's program is told when a certificate is removed.
func TestForget(t *testing.T) {
	root := machine(t, "usr/sbin/update-ca-certificates", "usr/local/share/ca-certificates")
	store, cert := open(t, root), certificate(t)
	if err := store.Install(t.Context(), cert); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(root + "/usr/local/share/ca-certificates/*.crt")
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	script := fmt.Sprintf("#!/bin/sh -e\n[ \"$1\" = --certsconf ]\ncp \"$2\" %[1]s/told\necho \"$2\" >%[1]s/where\n", root)
	if err := os.WriteFile(root+"/usr/sbin/update-ca-certificates", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, distribution := range []string{"", "mozilla/Some.crt\n!mozilla/Other.crt"} { // no file, and one without a newline at its end
		if distribution != "" {
			if err := os.WriteFile(root+"/etc/ca-certificates.conf", []byte(distribution), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(files[0], nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		removes(t, store, cert, true)
		if told, want := contents(t, root+"/told"), distribution+"\n!"+filepath.Base(files[0])+"\n"; told != want {
			t.Errorf("it is told %q, want %q", told, want)
		}
		if _, err := os.Stat(strings.TrimSpace(contents(t, root+"/where"))); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("what it was told stays: %v", err)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, test := range []struct{ name, tool, anchors string }{
		{"nothing", "bin/sh", "tmp"},
		{"a program without its directory", "usr/sbin/update-ca-certificates", "etc/pki/trust/anchors"},
		{"a directory without its program", "bin/sh", "usr/local/share/ca-certificates"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if store, err := truststore.Open(machine(t, test.tool, test.anchors)); !errors.Is(err, truststore.ErrUnknown) {
				t.Errorf("Open = %v, %v, want ErrUnknown", store, err)
			}
		})
	}
	root := machine(t, "usr/sbin/update-ca-certificates", "usr/local/share/ca-certificates")
	if err := os.Chmod(root+"/usr/sbin/update-ca-certificates", 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := truststore.Open(root); !errors.Is(err, truststore.ErrUnknown) {
		t.Errorf("Open with a program that cannot run = %v, want ErrUnknown", err)
	}
}
