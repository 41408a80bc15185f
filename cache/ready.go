package cache

// Ready tells whether Open would give a Reader at once, all of whose bytes are on disk and compared with their checksums. It
// asks nobody.
func (c *Cache) Ready(key Key) bool {
	e, due := c.find(key)
	if e == nil {
		return false
	}
	defer c.release(e)
	e.mu.Lock()
	b := e.blob
	e.mu.Unlock()
	return !due && b != nil && b.whole.Load()
}
