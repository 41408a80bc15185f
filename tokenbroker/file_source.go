package tokenbroker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"sync"
)

// FileConfig is for NewFileSource.
type FileConfig struct {
	// Name of the source. Empty is "file".
	Name string
	// Path of the file. It need not exist yet.
	Path string
	// Logger gets one warning if every user of the machine may read the file. Nil discards.
	Logger *slog.Logger
}

// FileSource has the token that a file holds, for every audience. Space and newlines around the token are ignored. The
// file is read again when it changed, and after its token was refused.
type FileSource struct {
	name, path string
	log        *slog.Logger

	mu     sync.Mutex
	read   fs.FileInfo // of the file that token was read from, nil when it must be read
	token  Token
	warned bool
}

var (
	_ Source    = (*FileSource)(nil)
	_ Forgetter = (*FileSource)(nil)
)

// NewFileSource refuses a configuration without a path.
func NewFileSource(config FileConfig) (*FileSource, error) {
	s := &FileSource{name: cmp.Or(config.Name, "file"), path: config.Path, log: config.Logger}
	if err := validateName(s.name); err != nil {
		return nil, fmt.Errorf("file token source: %w", err)
	}
	if s.path == "" {
		return nil, errors.New("file token source: the path is empty")
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

// Name is Config.Name.
func (s *FileSource) Name() string { return s.name }

// Token returns the token in the file. It is unavailable when the file does not exist or is empty, which is how it looks
// to us while it is written.
func (s *FileSource) Token(context.Context, string) (Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Token{}, ErrUnavailable
	case err != nil:
		return Token{}, fmt.Errorf("look at the token file: %w", err)
	case !info.Mode().IsRegular():
		return Token{}, Failure("is not a regular file") // reading a pipe could block for ever
	case s.read != nil && sameFile(s.read, info):
		return s.token, nil
	}
	return s.load()
}

// load reads the file and remembers what it was. The caller holds mu.
func (s *FileSource) load() (Token, error) {
	s.read, s.token = nil, Token{}
	file, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Token{}, ErrUnavailable
	}
	if err != nil {
		return Token{}, fmt.Errorf("open the token file: %w", err)
	}
	defer file.Close()
	// What is remembered is from before the reading: a change during it shows as a change.
	info, err := file.Stat()
	if err != nil {
		return Token{}, fmt.Errorf("look at the token file: %w", err)
	}
	s.warn(info)
	text, err := io.ReadAll(io.LimitReader(file, maxText+1))
	if err != nil {
		return Token{}, fmt.Errorf("read the token file: %w", err)
	}
	if len(text) > maxText {
		return Token{}, Failure(errLongToken.Error())
	}
	t, err := vouch(tokenFromText(text))
	if err == nil {
		s.read, s.token = info, t
	}
	return t, err
}

// sameFile reports whether two looks at the path saw the same file unchanged.
func sameFile(x, y fs.FileInfo) bool {
	return os.SameFile(x, y) && x.Size() == y.Size() && x.ModTime().Equal(y.ModTime())
}

// warn says once that the file is too open. It is no refusal: the token is often put there by tools that know no better,
// and a task sequence runs on a machine that nobody else uses yet. Windows has no such mode bits.
func (s *FileSource) warn(info fs.FileInfo) {
	if s.warned || runtime.GOOS == "windows" || info.Mode().Perm()&0o004 == 0 {
		return
	}
	s.warned = true
	s.log.Warn("every user of this machine may read the token file", "source", s.name, "path", s.path)
}

// Forget is part of Forgetter: the file is read again even if it looks unchanged.
func (s *FileSource) Forget(_ string, t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token.print == t.print {
		s.read, s.token = nil, Token{}
	}
}
