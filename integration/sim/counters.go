package sim

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Sent is a stretch of a file that a DP has sent in one response. Length is what really was handed to the connection.
type Sent struct {
	// DP is the name of the DP, Conn the number of its connection (0: not a connection of the DP's own listeners).
	DP   string
	Conn uint64
	// File is the File.Key, or the path of a generated file such as "smssig/ps100015.1.tar".
	File string
	// User is for whom the file was sent: the account that logged in, or the holder of the signed URL. Empty otherwise.
	User string
	// Offset and Length in bytes.
	Offset, Length int64
	// First is when the first byte was handed over; zero when none was.
	First time.Time
}

// Counters notes what was sent. Several DPs may share one, which then shows whether the same byte was fetched from two of
// them. It is safe for concurrent use, and up to date while responses are under way.
type Counters struct {
	mu       sync.Mutex
	sent     []*Sent
	bytes    int64
	requests map[string]int // by method
}

// NewCounters returns counters at zero.
func NewCounters() *Counters { return &Counters{requests: map[string]int{}} }

func (c *Counters) request(method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests[method]++
}

// open starts a stretch; the returned function adds bytes to it.
func (c *Counters) open(s Sent) (add func(n int)) {
	entry := &s
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, entry)
	return func(n int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if n > 0 && entry.First.IsZero() {
			entry.First = time.Now()
		}
		entry.Length += int64(n)
		c.bytes += int64(n)
	}
}

// Reset sets everything to zero. Responses under way are not counted on.
func (c *Counters) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent, c.bytes = nil, 0
	clear(c.requests)
}

// Bytes is the sum of all file bytes sent, without headers and multipart framing.
func (c *Counters) Bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}

// Requests is how many requests came, of one method, or of all when method is empty.
func (c *Counters) Requests(method string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if method != "" {
		return c.requests[method]
	}
	sum := 0
	for _, n := range c.requests {
		sum += n
	}
	return sum
}

// Sent lists every stretch in the order in which the responses started. Empty ones are included.
func (c *Counters) Sent() []Sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Sent, len(c.sent))
	for i, s := range c.sent {
		list[i] = *s
	}
	return list
}

// BytesOf sums what was sent per file (by Sent.File).
func (c *Counters) BytesOf() map[string]int64 { return c.sum(func(s Sent) string { return s.File }) }

// BytesBy sums what was sent per DP.
func (c *Counters) BytesBy() map[string]int64 { return c.sum(func(s Sent) string { return s.DP }) }

// BytesFor sums what was sent per user (by Sent.User).
func (c *Counters) BytesFor() map[string]int64 { return c.sum(func(s Sent) string { return s.User }) }

func (c *Counters) sum(key func(Sent) string) map[string]int64 {
	sums := map[string]int64{}
	for _, s := range c.Sent() {
		sums[key(s)] += s.Length
	}
	return sums
}

// Overlap is how many bytes were sent more often than once: zero when no byte was fetched twice. file limits it to one
// file (Sent.File); empty means all.
func (c *Counters) Overlap(file string) int64 {
	list := slices.DeleteFunc(c.Sent(), func(s Sent) bool { return file != "" && s.File != file })
	slices.SortFunc(list, func(a, b Sent) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset))
	})
	var twice, end int64
	for i, s := range list {
		if i == 0 || list[i-1].File != s.File {
			end = 0
		}
		stop := s.Offset + s.Length
		twice += max(0, min(end, stop)-s.Offset)
		end = max(end, stop)
	}
	return twice
}
