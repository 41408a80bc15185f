package assembly

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"branchpoint/admin"
	"branchpoint/tokenbroker/secretfile"
)

// adminToken reads the token of the admin API, or makes one that nobody can guess when the file is absent.
func adminToken(path string, log *slog.Logger) (admin.Token, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = makeTokenFile(path); err == nil {
			log.Info("made a token for the admin API", "file", path)
		}
	}
	if err != nil {
		return admin.Token{}, fmt.Errorf("admin.token_file: %w", err)
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		log.Warn("others than the owner may read the token of the admin API", "file", path, "mode", info.Mode().Perm().String())
	}
	token, err := admin.NewToken(strings.TrimSpace(string(text)))
	if err != nil {
		return admin.Token{}, fmt.Errorf("admin.token_file: %s: %w; remove the file and a new one is made", path, err)
	}
	return token, nil
}

// makeTokenFile writes a new token into place whole, so that a crash leaves no half of one.
func makeTokenFile(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	text := []byte(rand.Text() + rand.Text() + "\n")
	return text, secretfile.Create(path, "", text)
}
