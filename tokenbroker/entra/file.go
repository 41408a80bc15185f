package entra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

// maxText is the longest token with room for what may stand around it.
const maxText = 64<<10 + 16

// newFile gets the token that a file holds. Somebody replaces it from time to time, perhaps with a tool that knows nothing of
// modes; so a file that everybody may read is a warning, and no refusal.
func newFile(config Config) func(context.Context) (answer, error) {
	var warned atomic.Bool
	return func(context.Context) (answer, error) {
		info, err := os.Stat(config.Path) // before it is opened: opening a pipe would wait for its other end
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return answer{}, fmt.Errorf("%w: %s does not exist", ErrUnavailable, config.Path)
		case err != nil:
			return answer{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
		case !info.Mode().IsRegular():
			return answer{}, fmt.Errorf("%w: %s is not a file", ErrUnavailable, config.Path)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm()&0o004 != 0 && !warned.Swap(true) {
			config.Logger.Warn("every user of this machine may read the token file", "path", config.Path)
		}
		f, err := os.Open(config.Path)
		if err != nil {
			return answer{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxText+1))
		if err != nil {
			return answer{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return tokenIn(text, config.Path)
	}
}

// tokenIn is the token in what a file or a command gave: without the newline that editors and echo leave, and without the
// byte order mark of Windows editors.
func tokenIn(text []byte, from string) (answer, error) {
	if len(text) > maxText {
		return answer{}, fmt.Errorf("%w: what %s has is over 64 KiB", ErrUnavailable, from)
	}
	token := strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff"))
	if token == "" {
		return answer{}, fmt.Errorf("%w: %s has none", ErrUnavailable, from)
	}
	return newAnswer(token, time.Time{}), nil
}
