package tokenbroker

import (
	"fmt"
	"testing"
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
		a.refuse(now)
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
