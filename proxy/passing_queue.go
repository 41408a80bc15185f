package proxy

import "sync"

const (
	// maxPassedRoom bounds the copies of all that passes and of all that waits for the reader, in bytes.
	maxPassedRoom = 64 << 20
	// maxPassedWaiting is how many exchanges may wait for the reader.
	maxPassedWaiting = 256
)

// readings shows the reader what has passed by. No exchange waits for it.
type readings struct {
	reader   Reader
	room     budget
	queue    chan *reading
	count    func(kind string, result passedResult)
	panicked func(cause any)

	work  sync.WaitGroup // the one goroutine that calls the reader
	ended chan struct{}
	end   func()
}

// newReadings begins to show. close ends it.
func newReadings(reader Reader, room int, count func(string, passedResult), panicked func(any)) *readings {
	s := &readings{reader: reader, queue: make(chan *reading, maxPassedWaiting), count: count, panicked: panicked,
		ended: make(chan struct{})}
	s.room.give(room)
	s.end = sync.OnceFunc(func() { close(s.ended) })
	s.work.Go(s.run)
	return s
}

// close waits for the call that the reader is at. What still waits to be shown is not.
func (s *readings) close() {
	if s == nil {
		return
	}
	s.end()
	s.work.Wait()
}

func (s *readings) run() {
	for {
		select {
		case <-s.ended:
			return
		case one := <-s.queue:
			if s.isEnded() { // of two that are ready, select takes any
				return
			}
			s.show(one)
		}
	}
}

func (s *readings) isEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

// take has an exchange that is over shown to the reader, if it was read at all.
func (s *readings) take(one *reading) {
	if one == nil {
		return
	}
	result := one.settle()
	if result == passedShown {
		select {
		case s.queue <- one:
			return
		default:
			result = passedBusy
		}
	}
	one.free()
	if result != "" {
		s.count(one.kind(), result)
	}
}

// show calls the reader. A bug of its ends this one call.
func (s *readings) show(one *reading) {
	defer func() {
		if cause := recover(); cause != nil {
			s.panicked(cause)
		}
		one.free()
	}()
	s.count(one.kind(), passedShown)
	if one.target != "" {
		s.reader.List(one.message.Host, one.target, one.message.Answer)
		return
	}
	s.reader.Message(one.message)
}

// kind is a label of a metric.
func (one *reading) kind() string {
	if one.target != "" {
		return "list"
	}
	return "message"
}
