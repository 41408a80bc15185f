package authority_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchpoint/proxy/authority"
)

// TestReadPublic: with its keys a directory says what Read does, and without them what its certificate files say.
func TestReadPublic(t *testing.T) {
	dir := created(t, "dp1.example.com")
	for range 2 {
		if _, err := authority.Rotate(dir, namesFor(t, "dp2.example.com")); err != nil {
			t.Fatal(err)
		}
		if read(t, dir).Previous == nil {
			if _, err := authority.Activate(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := read(t, dir)
	same := func(got authority.Certificates, err error) {
		t.Helper()
		if err != nil || !got.Current.Equal(want.Current) || !got.Next.Equal(want.Next) || !got.Previous.Equal(want.Previous) {
			t.Errorf("ReadPublic = %v, %v, want %v", got, err, want)
		}
	}
	got, unread, err := authority.ReadPublic(dir)
	if same(got, err); unread != nil {
		t.Errorf("the key: %v", unread)
	}
	remove(t, dir, "ca.key", "ca.next.key")
	got, unread, err = authority.ReadPublic(dir)
	if same(got, err); unread == nil || unread.Error() != "there is no "+filepath.Join(dir, "ca.key") {
		t.Errorf("the key: %v", unread)
	}
	if _, err := authority.Read(dir); !errors.Is(err, authority.ErrNone) {
		t.Errorf("Read without the key = %v, want ErrNone", err)
	}
	remove(t, dir, "ca.pem")
	if _, _, err := authority.ReadPublic(dir); !errors.Is(err, authority.ErrNone) {
		t.Errorf("without the certificate in use: %v, want ErrNone", err)
	}
}

// TestReadPublicRefuses: a key that is damaged, or that others may read, tells of itself, and a file that is none of ours is not
// shown as one.
func TestReadPublicRefuses(t *testing.T) {
	for _, tt := range []struct {
		file, text, want string
		gone             []string
	}{
		{"ca.key", "junk", "ca.key: ", nil},
		{"ca.pem", "junk", "ca.pem: there is not one certificate in PEM form in it", []string{"ca.key"}},
		{"ca.next.pem", "junk", "ca.next.pem: there is not one", []string{"ca.key"}},
		{"ca.previous.pem", "junk", "ca.previous.pem: there is not one", []string{"ca.key"}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			dir := created(t, "dp1.example.com")
			remove(t, dir, tt.gone...)
			if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, unread, err := authority.ReadPublic(dir); err == nil || unread != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ReadPublic = %v, %v, want an error with %q", unread, err, tt.want)
			}
		})
	}
}

func remove(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}
