package tokenbroker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"
)

func TestChain(t *testing.T) {
	expired := &fake{name: "old", answer: func(context.Context, string, int) (Token, error) {
		return NewToken("old", time.Now().Add(-time.Second))
	}}
	tests := []struct {
		name    string
		sources []Source
		want    string // the secret
		text    string // of the error, when there is no secret
		is      error
	}{
		{name: "no source", text: "token for site: no token is available", is: ErrUnavailable},
		{name: "first wins", sources: []Source{always("a", "A", nil), always("b", "B", nil)}, want: "A"},
		{name: "unavailable goes on", sources: []Source{always("a", "", ErrUnavailable), always("b", "B", nil)}, want: "B"},
		{name: "wrapped unavailable goes on",
			sources: []Source{always("a", "", fmt.Errorf("read: %w", ErrUnavailable)), always("b", "B", nil)}, want: "B"},
		{name: "expired goes on", sources: []Source{expired, always("b", "B", nil)}, want: "B"},
		{name: "failure stops", sources: []Source{always("a", "", Failure("is on fire")), always("b", "B", nil)},
			text: "token for site: token source a: is on fire"},
		{name: "unknown text is not repeated", sources: []Source{always("a", "", errors.New("secret")), always("b", "B", nil)},
			text: "token for site: token source a: failed"},
		{name: "permission", sources: []Source{always("a", "", fmt.Errorf("open x: %w", fs.ErrPermission))},
			text: "token for site: token source a: permission denied"},
		{name: "no program", sources: []Source{always("a", "", exec.ErrNotFound)},
			text: "token for site: token source a: not found"},
		{name: "timeout", sources: []Source{always("a", "", context.DeadlineExceeded)},
			text: "token for site: token source a: took too long"},
		{name: "neither token nor error", sources: []Source{&fake{name: "a",
			answer: func(context.Context, string, int) (Token, error) { return Token{}, nil }}},
			text: "token for site: token source a: returned no token"},
		{name: "hang", sources: []Source{lasting("a", time.Hour, time.Hour)},
			text: "token for site: token source a: took too long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{Sources: tt.sources})
				if tt.want != "" {
					w.wants(t, "site", tt.want)
					return
				}
				_, err := w.Authorize(t.Context(), "site", http.Header{})
				if err == nil || err.Error() != tt.text || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("Authorize error = %v; want %q that is %v", err, tt.text, tt.is)
				}
				if tt.is != ErrUnavailable && errors.Is(err, ErrUnavailable) {
					t.Errorf("error %v of a broken source counts as unavailable", err)
				}
			})
		})
	}
}

func TestPanicSiteIsTheLineThatPanicked(t *testing.T) {
	put := func(m map[string]int) { m["x"] = 1 }
	tests := []struct {
		name string
		fall func()
	}{
		{"explicit", func() { panic("x") }},
		{"nil map", func() { put(nil) }},
		{"nil pointer", func() { var p *fake; p.name = "x" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := &fake{name: "a", answer: func(context.Context, string, int) (Token, error) { tt.fall(); return Token{}, nil }}
			_, err := call(t.Context(), src, "site")
			var p panicError
			if !errors.As(err, &p) {
				t.Fatalf("call = %v, want a panicError", err)
			}
			if want := "branchpoint/tokenbroker.TestPanicSiteIsTheLineThatPanicked.func"; len(p.where) < len(want) || p.where[:len(want)] != want {
				t.Errorf("panicked at %q, want a function of this test", p.where)
			}
		})
	}
}

func TestDueAt(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		name             string
		life, ahead, due time.Duration
	}{
		{"long life", 8 * time.Hour, 5 * time.Minute, 8*time.Hour - 5*time.Minute},
		{"life shorter than ahead", 2 * time.Minute, 5 * time.Minute, 96 * time.Second},
		{"life a little longer than ahead", 6 * time.Minute, 5 * time.Minute, 288 * time.Second},
		{"hardly any life", time.Second, 5 * time.Minute, failurePause},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := dueAt(now.Add(tt.life), now, tt.ahead).Sub(now); got != tt.due {
				t.Errorf("due after %v, want %v", got, tt.due)
			}
		})
	}
}
