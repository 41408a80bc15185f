package cache

import (
	"fmt"
	"runtime/debug"
)

// guarded runs what calls a Source in a goroutine of ours, where a panic would end the process: it ends what was asked for
// and no more. The value of a panic may hold anything, a token too, so only its type is told.
func (c *Cache) guarded(do func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the source panicked: %T", cause)
			c.log.Error("a source panicked", "type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
		}
	}()
	return do()
}
