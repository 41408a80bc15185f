package tokenbroker

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestRefusedSecretsAreBounded(t *testing.T) {
	now := time.Now()
	a := &audience{}
	next := func() Stamp { a.stamp++; return a.stamp }
	var all []Token
	for i := range 3 * maxRefused {
		tok, err := NewToken(fmt.Sprint("secret-", i), now.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
		a.install(tok, "mp", now, time.Minute, next)
		a.refuse(now, time.Minute)
		all = append(all, tok)
	}
	for i, tok := range all {
		if got, want := a.isRefused(tok, now), i >= len(all)-maxRefused; got != want {
			t.Errorf("secret %d of %d is refused: %v, want %v", i, len(all), got, want)
		}
	}
	if len(a.refused) != maxRefused {
		t.Errorf("%d secrets are remembered, want %d", len(a.refused), maxRefused)
	}
}

// forgetful is a source that notes what it is told to forget.
type forgetful struct {
	*fake
	forgotten []string
}

func (f *forgetful) Forget(_ string, t Token) { f.forgotten = append(f.forgotten, t.Fingerprint()) }

func TestOnlyTheRefusedTokenIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &forgetful{fake: lasting("mp", time.Hour, 0)}
		w := newWorld(t, Config{Sources: []Source{src}})
		stale := w.wants(t, "site", "mp-1")
		first := w.Status()[0].Fingerprint
		w.Refused("site", stale)
		w.wants(t, "site", "mp-2")
		w.Refused("site", stale) // about mp-1, which is gone
		w.Refused("other", stale)
		w.wants(t, "site", "mp-2")
		if len(src.forgotten) == 0 || slices.ContainsFunc(src.forgotten, func(one string) bool { return one != first }) {
			t.Errorf("the source forgot %v, want %v only", src.forgotten, first)
		}
	})
}
