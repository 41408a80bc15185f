package tokenbroker

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestFileSourceReads(t *testing.T) {
	tests := []struct {
		name, text, want string
		err              error // when want is empty
	}{
		{"plain", "abc", "abc", nil},
		{"newline", "abc\n", "abc", nil},
		{"Windows newline", "abc\r\n", "abc", nil},
		{"byte order mark", "\ufeffabc\r\n", "abc", nil},
		{"longest", strings.Repeat("x", maxToken) + "\n", strings.Repeat("x", maxToken), nil},
		{"empty", "", "", ErrUnavailable},
		{"newline only", "\r\n", "", ErrUnavailable},
		{"two lines", "a\nb", "", Failure("token holds a control character")},
		{"UTF-16", "\xff\xfea\x00b\x00", "", Failure("token holds a control character")},
		{"too long", strings.Repeat("x", maxToken+1), "", Failure("token is over 64 KiB")},
		{"far too long", strings.Repeat("x", 2*maxToken), "", Failure("token is over 64 KiB")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "token")
			write(t, path, tt.text)
			answers(t, newFile(t, path), tt.want, tt.err)
		})
	}
}

func TestFileSourceFollowsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	s := newFile(t, path)
	answers(t, s, "", ErrUnavailable)
	write(t, path, "one")
	answers(t, s, "one", nil)
	write(t, path, "longer")
	answers(t, s, "longer", nil)

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	answers(t, s, "", ErrUnavailable)
}

func TestFileSourceRefusesADirectory(t *testing.T) {
	answers(t, newFile(t, t.TempDir()), "", Failure("is not a regular file"))
}

func TestFileSourceWarnsOnceOfAnOpenFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no mode bits for others")
	}
	tests := []struct {
		name string
		mode os.FileMode
		want int
	}{{"private", 0o600, 0}, {"group", 0o640, 0}, {"world", 0o644, 1}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "token")
			var log bytes.Buffer
			s, err := NewFileSource(FileConfig{Path: path, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"one", "second"} {
				write(t, path, text)
				if err := os.Chmod(path, tt.mode); err != nil {
					t.Fatal(err)
				}
				answers(t, s, text, nil)
			}
			if got := strings.Count(log.String(), "\n"); got != tt.want {
				t.Errorf("%d warnings, want %d: %s", got, tt.want, &log)
			}
		})
	}
}

func TestEnvironmentSource(t *testing.T) {
	const variable = "_SMSTSDPAuthToken"
	s, err := NewEnvironmentSource(EnvironmentConfig{Name: "environment", Variable: variable})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(variable, "")
	answers(t, s, "", ErrUnavailable)
	t.Setenv(variable, "abc\n")
	answers(t, s, "abc", nil)
	t.Setenv(variable, "a\nb")
	answers(t, s, "", Failure("token holds a control character"))
}

func newFile(t *testing.T, path string) *FileSource {
	t.Helper()
	s, err := NewFileSource(FileConfig{Name: "file", Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// answers asks s for a token and compares the answer.
func answers(t *testing.T, s Source, want string, wantErr error) {
	t.Helper()
	tok, err := s.Token(t.Context(), "site")
	if !errors.Is(err, wantErr) || err == nil && tok.reveal() != want {
		t.Fatalf("%s source: error %v (want %v), or another secret than %.20q", s.Name(), err, wantErr, want)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
