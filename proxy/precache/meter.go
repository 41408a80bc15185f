package precache

import (
	"sync"
	"time"
)

// meter tells how fast bytes come. It looks at the last ten seconds, so that it follows a line whose speed changes, and falls
// to nothing when nothing comes.
type meter struct {
	mu    sync.Mutex
	total int64
	marks [meterMarks]mark // a ring
	next  int
}

// mark is how much had come when.
type mark struct {
	at    time.Time
	total int64
}

const (
	meterEvery  = time.Second
	meterMarks  = 11
	meterWindow = (meterMarks - 1) * meterEvery
)

// start begins to count.
func (m *meter) start(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mark(now)
}

// add counts n bytes.
func (m *meter) add(now time.Time, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total += n
	if last := m.marks[(m.next+meterMarks-1)%meterMarks]; now.Sub(last.at) >= meterEvery {
		m.mark(now)
	}
}

// mark remembers what there is. m.mu is held.
func (m *meter) mark(now time.Time) {
	m.marks[m.next] = mark{now, m.total}
	m.next = (m.next + 1) % meterMarks
}

// read returns how many bytes came in all, and how many a second of late.
func (m *meter) read(now time.Time) (total, perSecond int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range meterMarks {
		from := m.marks[(m.next+i)%meterMarks] // the oldest first
		age := now.Sub(from.at)
		if from.at.IsZero() || age > meterWindow || age <= 0 {
			continue
		}
		return m.total, int64(float64(m.total-from.total) / max(age, meterEvery).Seconds())
	}
	return m.total, 0
}
