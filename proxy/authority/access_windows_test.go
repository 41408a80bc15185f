package authority_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"branchpoint/tokenbroker/secretfile"
)

// TestSealed looks for the key in its file, and opens it in the way that opens the files of earlier versions.
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
	text, err = secretfile.Read(path, "Branchpoint certificate authority")
	if err != nil || !bytes.HasPrefix(text, []byte("-----BEGIN PRIVATE KEY")) {
		t.Errorf("the key is not what was sealed, or for another purpose: %v", err)
	}
}
