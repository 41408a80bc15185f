package configs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in the file. Line and column count from one; zero means that the place is not known.
type Position struct{ Line, Column int }

// Problem is one thing that is wrong, and what would be right.
type Problem struct {
	// File is the path of the file, empty when the text did not come from one.
	File string
	// Position is where the value, or the unknown key, stands. For something that is missing it is where it belongs.
	Position
	// Path is the setting, such as listeners[0].address. Empty for the file as a whole.
	Path string
	// Message says what is wrong and what would be right.
	Message string
}

// String returns file:line:column: path: message, without what is not known.
func (p Problem) String() string {
	var parts []string
	switch {
	case p.Line > 0 && p.File != "":
		parts = append(parts, fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column))
	case p.Line > 0:
		parts = append(parts, fmt.Sprintf("%d:%d", p.Line, p.Column))
	case p.File != "":
		parts = append(parts, p.File)
	}
	if p.Path != "" {
		parts = append(parts, p.Path)
	}
	return strings.Join(append(parts, p.Message), ": ")
}

// Problems is the error of a configuration that is refused: everything that is wrong with it, in the order of the file.
type Problems []Problem

// Error returns one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// findings collects problems while the file is read and checked.
type findings struct {
	file     string // the path of the file, empty when the text did not come from one
	problems []Problem
	// at tells where each setting stands that the file has.
	at map[string]Position
	// unread are the settings whose value could not be read. What a check then says about them is of no use.
	unread map[string]bool
}

func newFindings(file string) *findings {
	return &findings{file: file, at: map[string]Position{}, unread: map[string]bool{}}
}

// bad reports a value that was read and is wrong. A setting that the file does not have is reported where its nearest
// parent stands.
func (f *findings) bad(path, format string, args ...any) {
	for p := path; p != ""; p = parentOf(p) {
		if f.unread[p] {
			return
		}
	}
	place := path
	for place != "" && f.at[place] == (Position{}) {
		place = parentOf(place)
	}
	f.add(f.at[place], path, fmt.Sprintf(format, args...))
}

func (f *findings) add(at Position, path, message string) {
	f.problems = append(f.problems, Problem{File: f.file, Position: at, Path: path, Message: message})
}

// err returns the problems in the order of the file, nil when there are none.
func (f *findings) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(f.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return Problems(f.problems)
}

// parentOf cuts the last key or the last index off a path.
func parentOf(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}
