package cache

import "time"

const (
	// sureFor is how long an immutable object is believed before an origin is asked again: the one that told its size first
	// may have been wrong, and the name does not change when it is put right.
	sureFor = 24 * time.Hour
	// doubtsAtOnce is how many questions may be under way for another one to be put behind the back of the readers.
	doubtsAtOnce = 4
)

// doubtful tells whether an immutable object is to be asked for again. One that is empty is what a broken origin is most
// likely to tell of. x.mu is held.
func (c *Cache) doubtful(e *entry) bool {
	age := time.Since(e.sure)
	return age >= sureFor || e.info.Size == 0 && age >= c.limits.Load().checkAfter
}

// doubt asks what an immutable object is, behind the back of the readers: they have what is there, and a hit waits for no
// origin. Another size is a new generation for those who come later; anything else that comes of it changes nothing.
func (c *Cache) doubt(key Key, src Source, use Use) {
	c.flights.mu.Lock()
	busy := len(c.flights.running) >= doubtsAtOnce
	c.flights.mu.Unlock()
	if !busy {
		c.join(key, src, use, false)
	}
}
