package site

import (
	"errors"
	"log/slog"
	"slices"
	"strings"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// trouble is why there is no answer. Its text holds no secret and may be shown. It Is tokenbroker.ErrUnavailable, so that a
// chain of token sources goes on, carries its text as a tokenbroker.Failure, and Is what its causes were.
type trouble struct {
	text string
	kind kind    // of the first cause that has a word
	odd  bool    // it is about one content: others may be asked about in the same place
	is   []error // of the causes only what errors.Is compares: their texts may hold anything
}

var _ slog.LogValuer = (*trouble)(nil)

func newTrouble(text string, causes ...error) *trouble {
	t := &trouble{text: text, kind: kindFailed}
	for _, c := range causes {
		k, known := classify(c)
		if t.kind == kindFailed {
			t.kind = k
		}
		if known != nil && !slices.Contains(t.is, known) {
			t.is = append(t.is, known)
		}
	}
	return t
}

// allOf is the trouble of several ways.
func allOf(doing string, errs []error) *trouble {
	if len(errs) == 0 {
		return newTrouble(doing + ": there is no such way to the site")
	}
	var said []string
	for _, err := range errs {
		said = append(said, saying(err))
	}
	return newTrouble(doing+": "+strings.Join(said, "; "), errs...)
}

// Error is the text.
func (t *trouble) Error() string { return t.text }

// LogValue is the text.
func (t *trouble) LogValue() slog.Value { return slog.StringValue(t.text) }

// Unwrap is what the trouble Is.
func (t *trouble) Unwrap() []error {
	return append([]error{tokenbroker.ErrUnavailable, tokenbroker.Failure(t.text)}, t.is...)
}

// saying is what may be shown of an error: the text of those who vouch for theirs, and of others what they are.
func saying(err error) string {
	if t, ok := errors.AsType[*trouble](err); ok {
		return t.text
	}
	if e, ok := errors.AsType[*ccm.Error](err); ok {
		return e.Error()
	}
	if vouched, ok := errors.AsType[tokenbroker.Failure](err); ok {
		return string(vouched)
	}
	switch k, known := classify(err); {
	case known == nil:
		return "it failed, and nothing may be shown of the reason"
	case k == "timeout":
		return "it took too long"
	case k == "given-up":
		return "it was given up"
	default:
		return known.Error()
	}
}
