package proxy

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Interception says what becomes of TLS connections to hosts that are ours.
type Interception struct {
	// On says that there is a certificate authority; without one everything is tunnelled.
	On bool `json:"on"`
	// Hosts are those that clients have asked for lately, by name.
	Hosts []InterceptedHost `json:"hosts"`
}

// InterceptedHost is one host, and what became of the last connection to it.
type InterceptedHost struct {
	Name string `json:"name"`
	// Intercepted says that it was seen into. Otherwise it was tunnelled, and Reason says why in a sentence.
	Intercepted bool   `json:"intercepted"`
	Reason      string `json:"reason,omitempty"`
	// Connections since the host came into the list, the last one at Last.
	Connections int64     `json:"connections"`
	Last        time.Time `json:"last"`
}

// reasons are why a host of ours is tunnelled, in words for people.
var reasons = map[decision]string{
	decidedOdd:        "its client spoke something that we could not answer, such as HTTP/2 alone, or meant another host",
	decidedConfigured: "interception.tunnel_hosts names it",
	decidedUncovered:  "our certificate authority does not cover the name, so no client would accept our certificate",
	decidedDemand:     "it asks for a TLS client certificate",
	decidedForbidden:  "it leads to an address that is never dialled",
	decidedFailed:     "our certificate authority could not make a certificate",
}

// sights are the hosts of ours that clients have asked for by TLS, and what became of that.
type sights struct {
	log *slog.Logger

	mu    sync.Mutex
	hosts *lru.Cache[string, *sight]
}

type sight struct {
	decided     decision
	told        decision // to the log
	connections int64
	last        time.Time
}

// maxSights bounds the list. A site has a few dozen servers.
const maxSights = 512

func newSights(log *slog.Logger) *sights {
	s := &sights{log: log}
	s.hosts, _ = lru.New[string, *sight](maxSights) // fails only for a size below one
	return s
}

// note counts a connection, and tells once of a host what becomes of it, and again when that changes. What is a client's affair
// and not the host's is not told.
func (s *sights) note(host string, decided decision) {
	s.mu.Lock()
	one, ok := s.hosts.Get(host)
	if !ok {
		one = &sight{}
		s.hosts.Add(host, one)
	}
	one.decided, one.connections, one.last = decided, one.connections+1, time.Now()
	news := one.told != decided && decided != decidedOdd
	if news {
		one.told = decided
	}
	s.mu.Unlock()
	if !news {
		return
	}
	if decided == decidedSeen {
		s.log.Info("HTTPS to a host is seen into from now on", "host", host)
		return
	}
	s.log.Warn("HTTPS to a host of ours is tunnelled, so its content is not cached", "host", host, "reason", reasons[decided])
}

// status returns the list.
func (s *sights) status() []InterceptedHost {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]InterceptedHost, 0, s.hosts.Len())
	for _, name := range s.hosts.Keys() {
		if one, ok := s.hosts.Peek(name); ok {
			list = append(list, InterceptedHost{
				Name: name, Intercepted: one.decided == decidedSeen, Reason: reasons[one.decided], Connections: one.connections, Last: one.last,
			})
		}
	}
	slices.SortFunc(list, func(a, b InterceptedHost) int {
		return cmp.Or(compareBool(b.Intercepted, a.Intercepted), strings.Compare(a.Name, b.Name))
	})
	return list
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
