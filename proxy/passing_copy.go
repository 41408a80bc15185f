package proxy

import (
	"io"
	"sync"
	"sync/atomic"
)

const (
	// maxPassedRequest and maxPassedAnswer bound what is copied of one body. A request for a location has a few KiB; an answer
	// may list a thousand distribution points, or ten thousand files.
	maxPassedRequest = 1 << 20
	maxPassedAnswer  = 8 << 20
	// firstCopy is what a copy begins with.
	firstCopy = 4 << 10
)

// passedResult is what came of reading an exchange in passing. It is a label of a metric.
type passedResult string

const (
	passedShown passedResult = "shown"
	passedCut   passedResult = "cut"   // it broke off, or nobody can tell
	passedLong  passedResult = "long"  // a body is too long
	passedBusy  passedResult = "busy"  // there is no room for copies, or the reader is too far behind
	passedCoded passedResult = "coded" // a body has a content coding
)

// budget is room for copies, in bytes. It bounds all of them together, whatever clients and servers send at the same time.
type budget struct{ left atomic.Int64 }

// take takes room for n bytes, or nothing when there is too little.
func (b *budget) take(n int) bool {
	if b.left.Add(-int64(n)) >= 0 {
		return true
	}
	b.give(n)
	return false
}

func (b *budget) give(n int) { b.left.Add(int64(n)) }

// copied is the copy of a body. It grows as the body passes, so that a length which somebody only states takes no room.
type copied struct {
	room   *budget
	max    int
	length int64 // as stated, below zero when it is not

	mu     sync.Mutex
	result passedResult // empty while the body passes, passedShown when it is whole
	data   []byte       // its capacity is taken from room
}

// newCopied begins a copy of at most limit bytes.
func newCopied(room *budget, limit int, length int64) *copied {
	c := &copied{room: room, max: limit, length: length}
	if length > int64(limit) {
		c.result = passedLong
	}
	return c
}

// note takes a piece of the body, and what reading it came to.
func (c *copied) note(piece []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.result != "" {
		return
	}
	if result := c.add(piece); result != "" {
		c.lose(result)
		return
	}
	switch {
	case err == io.EOF, err == nil && int64(len(c.data)) == c.length:
		c.result = passedShown
	case err != nil:
		c.lose(passedCut)
	}
}

// add appends a piece, or says why it does not. The caller holds mu.
func (c *copied) add(piece []byte) passedResult {
	need := len(c.data) + len(piece)
	if need > c.max {
		return passedLong
	}
	if had := cap(c.data); need > had {
		size := min(max(2*had, need, firstCopy), c.max)
		if !c.room.take(size) {
			return passedBusy
		}
		c.data = append(make([]byte, 0, size), c.data...)
		c.room.give(had)
	}
	c.data = append(c.data, piece...)
	return ""
}

// lose gives the copy up. The caller holds mu.
func (c *copied) lose(why passedResult) {
	c.room.give(cap(c.data))
	c.data, c.result = nil, why
}

// end returns the copy, or why there is none. What has not passed by now is not waited for.
func (c *copied) end() ([]byte, passedResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.result == "" {
		c.lose(passedCut)
	}
	return c.data, c.result
}

// drop gives the copy up, whatever became of it.
func (c *copied) drop(why passedResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose(why)
}

// copiedBody is a body that is copied while it is read.
type copiedBody struct {
	io.ReadCloser
	copy *copied
}

func (b *copiedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.copy.note(p[:n], err)
	return n, err
}
