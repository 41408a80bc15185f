package main

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"branchpoint/configs"
)

// newLogger makes the one logger of the program. level overrides the configuration unless it is empty.
func newLogger(c configs.Log, level string, w io.Writer) (*slog.Logger, error) {
	var options slog.HandlerOptions
	var least slog.Level
	if err := least.UnmarshalText([]byte(cmp.Or(level, c.Level))); err != nil {
		return nil, fmt.Errorf("reading the log level: %w", err)
	}
	options.Level = least
	if c.Format == "text" || c.Format == "auto" && isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, &options)), nil
	}
	return slog.New(slog.NewJSONHandler(w, &options)), nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
