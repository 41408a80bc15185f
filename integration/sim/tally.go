package sim

import (
	"maps"
	"sync"
)

// tally counts events by what they are. Its zero value is ready. It is safe for concurrent use.
type tally[K comparable] struct {
	mu     sync.Mutex
	counts map[K]int
}

func (t *tally[K]) add(k K) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[K]int{}
	}
	t.counts[k]++
}

// sum is how many events there were of those kinds that are covered.
func (t *tally[K]) sum(covered func(K) bool) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, count := range t.counts {
		if covered(k) {
			n += count
		}
	}
	return n
}

func (t *tally[K]) all() map[K]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.counts)
}
