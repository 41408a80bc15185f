package tokenbroker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// naive is recent as a list, latest use first.
type naive struct {
	limit int
	keys  []string
	vals  map[string]int
}

func (n *naive) touch(key string) bool {
	i := slices.Index(n.keys, key)
	if i < 0 {
		return false
	}
	n.keys = slices.Insert(slices.Delete(n.keys, i, i+1), 0, key)
	return true
}

func (n *naive) put(key string, v int) {
	if !n.touch(key) {
		n.keys = slices.Insert(n.keys, 0, key)
	}
	n.vals[key] = v
	n.keys = n.keys[:min(len(n.keys), n.limit)]
}

func (n *naive) remove(key string) {
	if i := slices.Index(n.keys, key); i >= 0 {
		n.keys = slices.Delete(n.keys, i, i+1)
	}
}

func TestRecentAgainstANaiveModel(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		limit := 1 + rng.IntN(6)
		got, want := newRecent[int](limit), &naive{limit: limit, vals: make(map[string]int)}
		for step := range 500 {
			key := fmt.Sprint(rng.IntN(10))
			switch rng.IntN(4) {
			case 0:
				got.put(key, step)
				want.put(key, step)
			case 1:
				got.remove(key)
				want.remove(key)
			case 2:
				v := got.getOrAdd(key, func() int { return step })
				if !want.touch(key) {
					want.put(key, step)
				}
				if v != want.vals[key] {
					t.Fatalf("seed %d step %d: getOrAdd(%s) = %d, want %d", seed, step, key, v, want.vals[key])
				}
			case 3:
				v, ok := got.get(key)
				if hit := want.touch(key); ok != hit || ok && v != want.vals[key] {
					t.Fatalf("seed %d step %d: get(%s) = %d, %v; want %d, %v", seed, step, key, v, ok, want.vals[key], hit)
				}
			}
			var keys []string
			for k, v := range got.all {
				keys = append(keys, k)
				if v != want.vals[k] {
					t.Fatalf("seed %d step %d: %s is %d, want %d", seed, step, k, v, want.vals[k])
				}
			}
			if !slices.Equal(keys, want.keys) || len(got.byKey) != len(keys) {
				t.Fatalf("seed %d step %d: keys %v, want %v", seed, step, keys, want.keys)
			}
		}
	}
}
