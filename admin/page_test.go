package admin

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestFirstContents compares the selection with sorting everything.
func TestFirstContents(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		var objects, want []string
		for range rng.IntN(60) {
			objects = append(objects, fmt.Sprintf("%c/package/%d/%d", "aBcD"[rng.IntN(4)], rng.IntN(9), rng.IntN(3)))
		}
		prefix := []string{"", "a", "b/pack", "d/package/1", "x"}[rng.IntN(5)]
		after := []string{"", "B/package/4", "a/package/7", "z"}[rng.IntN(4)]
		for _, object := range objects {
			if name := contentOf(object); name > after && strings.HasPrefix(strings.ToLower(name), prefix) {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		want = slices.Compact(want)
		n := 2 + rng.IntN(20)
		want = want[:min(n, len(want))]
		if got := firstContents(objects, prefix, after, n); !slices.Equal(got, want) {
			t.Fatalf("the first %d of %q with prefix %q after %q are %q, want %q", n, objects, prefix, after, got, want)
		}
	}
}
