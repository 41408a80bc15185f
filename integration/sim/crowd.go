package sim

import "sync"

// crowd counts events that are under way, by what they are. Its zero value is ready. It is safe for concurrent use.
type crowd[K comparable] struct {
	mu   sync.Mutex
	now  map[K]int
	most map[K]int
}

// enter says that one begins; leave, that it has ended.
func (c *crowd[K]) enter(k K) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == nil {
		c.now, c.most = map[K]int{}, map[K]int{}
	}
	c.now[k]++
	c.most[k] = max(c.most[k], c.now[k])
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.now[k]--
	}
}

// peak is how many of one and the same kind were under way at one moment, at most, of those kinds that are covered.
func (c *crowd[K]) peak(covered func(K) bool) (most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, n := range c.most {
		if covered(k) {
			most = max(most, n)
		}
	}
	return most
}
