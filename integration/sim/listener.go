package sim

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"sync"
)

// connections is every connection of a DP. Its listeners hand what they accept to it.
type connections struct {
	link       *Link          // nil: none
	deliveries sync.WaitGroup // of connections over the link

	mu   sync.Mutex
	last uint64
	down bool
	open map[uint64]*conn
	gone []Connection
}

// listener accepts connections for a DP.
type listener struct {
	net.Listener
	owner *connections
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	tcp, err := l.Listener.Accept()
	if err != nil {
		return nil, fmt.Errorf("accept for a DP: %w", err)
	}
	return l.owner.add(tcp), nil
}

func (s *connections) add(tcp net.Conn) *conn {
	s.mu.Lock()
	s.last++
	c := &conn{Conn: tcp, tcp: tcp, id: s.last}
	c.leave = func() { s.remove(c) }
	if s.link != nil {
		c.Conn = s.link.shape(tcp, &s.deliveries)
	}
	s.open[c.id] = c
	down := s.down
	s.mu.Unlock()
	if down {
		c.reset()
	}
	return c
}

func (s *connections) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c.id)
	s.gone = append(s.gone, c.snapshot())
}

// resetAll resets every connection, and from then on each new one at once, until revive.
func (s *connections) resetAll() {
	s.mu.Lock()
	s.down = true
	victims := make([]*conn, 0, len(s.open))
	for _, c := range s.open {
		victims = append(victims, c)
	}
	s.mu.Unlock()
	for _, c := range victims {
		c.reset()
	}
}

func (s *connections) revive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = false
}

// list returns all connections since the start, oldest first.
func (s *connections) list() []Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.gone)
	for _, c := range s.open {
		list = append(list, c.snapshot())
	}
	slices.SortFunc(list, func(a, b Connection) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
