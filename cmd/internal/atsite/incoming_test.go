package atsite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/secretfile"
)

// refused checks that there is no token, and that what may be shown says which file is to be mended, and nothing of it.
func (b bulkToken) refused(t *testing.T, because string) {
	t.Helper()
	_, err := b.Token(t.Context())
	shown, vouched := errors.AsType[tokenbroker.Failure](err)
	if !vouched || !strings.Contains(string(shown), b.file) || !strings.Contains(string(shown), because) || strings.Contains(string(shown), "s3cr3t") {
		t.Errorf("the error is %v (%q), want %q of %s", err, shown, because, b.file)
	}
}

// TestBulkToken: the file is read each time.
func TestBulkToken(t *testing.T) {
	source := bulkToken{filepath.Join(t.TempDir(), "private", "token")}
	source.refused(t, "")
	if err := secretfile.MakeDirectory(filepath.Dir(source.file)); err != nil {
		t.Fatal(err)
	}
	put := func(text string) {
		t.Helper()
		if err := secretfile.Write(source.file, "", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{"first\n": "first", " second ": "second", "\ufeffthird\r\n": "third"} {
		put(text)
		got, err := source.Token(t.Context())
		if err != nil || got.Reveal() != want {
			t.Errorf("the token is another one than %q: %v", want, err)
		}
	}
	for text, because := range map[string]string{
		"s3cr3t\x00": "one line", "s3cr3t\ns3cr3t\n": "one line", "": "one line", " ": "does not hold one", "s3cr3t\x7f": "does not hold one",
	} {
		put(text)
		source.refused(t, because)
	}
	if err := os.Remove(source.file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(source.file, 0o700); err != nil {
		t.Fatal(err)
	}
	source.refused(t, "is not a file")
}
