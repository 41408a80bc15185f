package tokenbroker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"
)

// FileConfig is for NewFileSource.
type FileConfig struct {
	// Name of the source; New refuses a Config with a source that has none.
	Name string
	// Path of the file. It need not exist yet.
	Path string
	// Logger gets one warning if every user of the machine may read the file. Nil discards.
	Logger *slog.Logger
}

// FileSource has the token that a file holds, for every audience. Space and newlines around the token are ignored.
type FileSource struct {
	name, path string
	log        *slog.Logger
	warned     atomic.Bool
}

var _ Source = (*FileSource)(nil)

// NewFileSource refuses a configuration without a path.
func NewFileSource(config FileConfig) (*FileSource, error) {
	s := &FileSource{name: config.Name, path: config.Path, log: config.Logger}
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

// Token reads the file. It is unavailable when the file does not exist or is empty, which is how it looks to us while it is
// written. Nothing is held meanwhile: the file may be on a share that does not answer.
func (s *FileSource) Token(context.Context, string) (Token, error) {
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Token{}, ErrUnavailable
	case err != nil:
		return Token{}, fmt.Errorf("look at the token file: %w", err)
	case !info.Mode().IsRegular():
		return Token{}, Failure("is not a regular file") // reading a pipe could block for ever
	}
	s.warn(info)
	file, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Token{}, ErrUnavailable
	}
	if err != nil {
		return Token{}, fmt.Errorf("open the token file: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxText+1))
	if err != nil {
		return Token{}, fmt.Errorf("read the token file: %w", err)
	}
	if len(text) > maxText {
		return Token{}, Failure(errLongToken.Error())
	}
	return vouch(tokenFromText(text))
}

// warn says once that the file is too open. It is no refusal: the token is often put there by tools that know no better,
// and a task sequence runs on a machine that nobody else uses yet. Windows has no such mode bits.
func (s *FileSource) warn(info fs.FileInfo) {
	if runtime.GOOS == "windows" || info.Mode().Perm()&0o004 == 0 || s.warned.Swap(true) {
		return
	}
	s.log.Warn("every user of this machine may read the token file", "source", s.name, "path", s.path)
}
