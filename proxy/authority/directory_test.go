package authority_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"branchpoint/proxy/authority"
)

func namesFor(t testing.TB, list ...string) authority.Names {
	t.Helper()
	names, err := authority.ParseNames(list)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func created(t testing.TB, list ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "branchpoint", "ca")
	if _, err := authority.Create(dir, namesFor(t, list...)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t testing.TB, dir string) authority.Certificates {
	t.Helper()
	c, err := authority.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// copies compares the certificate files of a directory with what it says that it has.
func copies(t testing.TB, dir string) {
	t.Helper()
	c := read(t, dir)
	for file, want := range map[string]*x509.Certificate{"ca.pem": c.Current, "ca.next.pem": c.Next, "ca.previous.pem": c.Previous} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		block, rest := pem.Decode(text)
		switch {
		case want == nil && os.IsNotExist(err):
		case want == nil || err != nil || block == nil || len(rest) > 0 || block.Type != "CERTIFICATE" || !slices.Equal(block.Bytes, want.Raw):
			t.Errorf("%s holds %q, %v, and the directory says %v", file, text, err, want)
		}
	}
	known := []string{"ca.key", "ca.next.key", "ca.pem", "ca.next.pem", "ca.previous.pem"}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(known, e.Name()) {
			t.Errorf("%s is left behind", e.Name())
		}
	}
}

func TestCreate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "branchpoint", "ca")
	if _, err := authority.Load(dir); !errors.Is(err, authority.ErrNone) {
		t.Errorf("Load of nothing = %v, want ErrNone", err)
	}
	if _, err := authority.Read(dir); !errors.Is(err, authority.ErrNone) {
		t.Errorf("Read of nothing = %v, want ErrNone", err)
	}
	cert, err := authority.Create(dir, namesFor(t, "dp1.example.com", "10.1.0.5"))
	if err != nil {
		t.Fatal(err)
	}
	copies(t, dir)
	if c := read(t, dir); !c.Current.Equal(cert) || c.Next != nil || c.Previous != nil {
		t.Errorf("the directory holds %v", c)
	}
	a, err := authority.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !a.Covers("dp1.example.com") || !a.Covers("10.1.0.5") || a.Covers("dp2.example.com") || a.Covers("10.1.0.6") {
		t.Error("it does not cover its names and no other")
	}
	d := a.Description()
	if d.Subject != cert.Subject.String() || len(d.SHA256) != 95 || !d.NotAfter.Equal(cert.NotAfter) || !slices.Equal(d.Names, []string{"dp1.example.com", "10.1.0.5"}) {
		t.Errorf("it is described as %+v", d)
	}
	if _, err := authority.Create(filepath.Join(t.TempDir(), "ca"), authority.Names{}); err == nil {
		t.Error("one without names is made")
	}
}

func TestCreateOverwritesNothing(t *testing.T) {
	dir := created(t, "dp1.example.com")
	before := read(t, dir).Current
	if err := os.Remove(filepath.Join(dir, "ca.pem")); err != nil { // as when the first was interrupted
		t.Fatal(err)
	}
	cert, err := authority.Create(dir, namesFor(t, "dp2.example.com"))
	if !errors.Is(err, authority.ErrExists) || cert != nil {
		t.Errorf("a second Create = %v, %v, want ErrExists", cert, err)
	}
	if !read(t, dir).Current.Equal(before) {
		t.Error("the first is gone")
	}
	copies(t, dir)
}

// TestCreateAtOnce has many make an authority of one directory: one does, and all others are told.
func TestCreateAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	names := namesFor(t, "dp1.example.com")
	var made [16]*x509.Certificate
	var work sync.WaitGroup
	for i := range made {
		work.Go(func() {
			cert, err := authority.Create(dir, names)
			if made[i] = cert; err != nil && !errors.Is(err, authority.ErrExists) {
				t.Error(err)
			}
		})
	}
	work.Wait()
	winners := slices.DeleteFunc(made[:], func(c *x509.Certificate) bool { return c == nil })
	if len(winners) != 1 || !read(t, dir).Current.Equal(winners[0]) {
		t.Errorf("%d have made one", len(winners))
	}
	copies(t, dir)
}

func TestRotate(t *testing.T) {
	if _, err := authority.Rotate(filepath.Join(t.TempDir(), "ca"), namesFor(t, "dp1.example.com")); !errors.Is(err, authority.ErrNone) {
		t.Errorf("Rotate of nothing = %v, want ErrNone", err)
	}
	dir := created(t, "dp1.example.com")
	first := read(t, dir).Current
	if _, err := authority.Activate(dir); !errors.Is(err, authority.ErrNotPrepared) {
		t.Errorf("Activate of nothing = %v, want ErrNotPrepared", err)
	}
	second, err := authority.Rotate(dir, namesFor(t, "dp1.example.com", "dp2.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	copies(t, dir)
	if c := read(t, dir); !c.Current.Equal(first) || !c.Next.Equal(second) || c.Previous != nil {
		t.Errorf("after Rotate the directory holds %v", c)
	}
	if a, err := authority.Load(dir); err != nil || a.Covers("dp2.example.com") {
		t.Errorf("the next is used before its time, %v", err)
	}
	if _, err := authority.Rotate(dir, namesFor(t, "dp1.example.com")); !errors.Is(err, authority.ErrPrepared) {
		t.Errorf("a second Rotate = %v, want ErrPrepared", err)
	}
	if got, err := authority.Activate(dir); err != nil || !got.Equal(second) {
		t.Fatalf("Activate = %v, %v", got, err)
	}
	copies(t, dir)
	if c := read(t, dir); !c.Current.Equal(second) || c.Next != nil || !c.Previous.Equal(first) {
		t.Errorf("after Activate the directory holds %v", c)
	}
	if a, err := authority.Load(dir); err != nil || !a.Covers("dp2.example.com") {
		t.Errorf("the next is not used, %v", err)
	}
	if second.Subject.String() == first.Subject.String() || slices.Equal(second.SubjectKeyId, first.SubjectKeyId) {
		t.Error("clients that trust both cannot tell them apart")
	}
}

// TestInterrupted has each change break off after each of its steps; the directory stays usable, and the next change mends it.
func TestInterrupted(t *testing.T) {
	const first, second = "dp1.example.com", "dp2.example.com"
	for _, test := range []struct {
		name    string
		prepare func(dir string) error // undoes the last steps of a Rotate
		uses    string
		next    bool
	}{
		{"before the next certificate file is written", func(dir string) error { return os.Remove(filepath.Join(dir, "ca.next.pem")) }, first, true},
		{"before the key is moved", func(dir string) error {
			text, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, "ca.previous.pem"), text, 0o600))
		}, first, true},
		{"before the certificate file is written", func(dir string) error {
			return os.Rename(filepath.Join(dir, "ca.next.key"), filepath.Join(dir, "ca.key"))
		}, second, false},
		{"before the next certificate file is removed", func(dir string) error {
			text, err := os.ReadFile(filepath.Join(dir, "ca.next.pem"))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, "ca.pem"), text, 0o600),
				os.Rename(filepath.Join(dir, "ca.next.key"), filepath.Join(dir, "ca.key")))
		}, second, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := created(t, first)
			if _, err := authority.Rotate(dir, namesFor(t, second)); err != nil {
				t.Fatal(err)
			}
			if err := test.prepare(dir); err != nil {
				t.Fatal(err)
			}
			a, err := authority.Load(dir)
			if err != nil || !a.Covers(test.uses) {
				t.Fatalf("it does not use the one for %s, %v", test.uses, err)
			}
			if c := read(t, dir); (c.Next != nil) != test.next {
				t.Errorf("the next is %v, want %v", c.Next, test.next)
			}
			want := error(nil)
			if !test.next {
				want = authority.ErrNotPrepared
			}
			if _, err := authority.Activate(dir); !errors.Is(err, want) {
				t.Errorf("Activate = %v, want %v", err, want)
			}
			copies(t, dir)
			if a, err := authority.Load(dir); err != nil || !a.Covers(second) {
				t.Errorf("after Activate the one for %s is not used, %v", second, err)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	dir := created(t, "dp1.example.com", "*.cloud.example")
	list := []string{"dp2.example.com", "x.cloud.example", "*.example.com", "10.1.0.5", "dp1.example.com"}
	want := []string{"dp2.example.com", "*.example.com", "10.1.0.5"}
	a, err := authority.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Missing(list); !slices.Equal(got, want) {
		t.Errorf("Missing = %q, want %q", got, want)
	}
	if got := authority.Missing(read(t, dir).Current, list); !slices.Equal(got, want) {
		t.Errorf("Missing of the certificate = %q, want %q", got, want)
	}
}
