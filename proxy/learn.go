package proxy

import (
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"branchpoint/proxy/content"
)

// Which request header carries a token, and how, is not public. So the proxy keeps the names of the headers that clients send
// to where tokens are taken, for an administrator to find the one by. It keeps no value, only what kind of text one is.

// LearnedHost is a server that takes tokens, and what clients send to it.
type LearnedHost struct {
	// Host is host:port.
	Host string `json:"host"`
	// Requests were seen in readable form, between FirstSeen and LastSeen. Those that were answered from the disk at once are
	// not among them.
	Requests  int64     `json:"requests"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	// Headers in the order of their names.
	Headers []LearnedHeader `json:"headers"`
	// Unlisted is how often a header came for which there was no room: one of too many, or with too long a name.
	Unlisted int64 `json:"unlisted"`
}

// LearnedHeader is one request header.
type LearnedHeader struct {
	Name string `json:"name"`
	// Requests is how many of the host's had it, between FirstSeen and LastSeen.
	Requests  int64     `json:"requests"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	// Standard headers of HTTP, WebDAV and BITS carry no token.
	Standard bool `json:"standard"`
	// Shapes are the kinds of its values in the order in which they were seen, at most 4. None are kept of standard headers.
	Shapes []LearnedShape `json:"shapes"`
}

const (
	maxLearnedHosts  = 64
	maxLearnedNames  = 64 // of a host
	maxLearnedName   = 64 // bytes
	maxLearnedShapes = 4  // of a header
)

// learner keeps what was learned. Its zero value is ready.
type learner struct {
	mu    sync.Mutex
	hosts map[string]*learnedHost
}

type learnedHost struct {
	LearnedHost
	headers map[string]*LearnedHeader
}

// Learned returns what clients were seen to send to servers that take tokens, in the order of the hosts' names. When there
// were more than 64, the ones asked last are there.
func (p *Proxy) Learned() []LearnedHost { return p.learner.list() }

// ForgetLearned begins anew.
func (p *Proxy) ForgetLearned() { p.learner.forget() }

// note learns from a request that was admitted.
func (l *learner) note(e *exchange, r *http.Request) {
	if e.foreign || !takesToken(r) || !isHost(r.URL.Hostname()) {
		return
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.host(hostPort(r), now)
	h.Requests++
	h.LastSeen = now
	for name, values := range r.Header {
		h.note(name, values, now)
	}
}

// takesToken tells whether a request goes to where tokens are taken: the directory of a DP, or the list of the files of a
// content in the cloud.
func takesToken(r *http.Request) bool {
	raw := rawTarget(r)
	t := content.Target{Raw: raw}
	if t.WithVdir(content.TokenAuth) == raw && t.WithVdir(content.Plain) != raw { // it has the alias, and not for want of any
		return true
	}
	return isCloudList(raw)
}

// host returns where a host is kept. The one not asked for the longest time makes room. The caller holds mu.
func (l *learner) host(name string, now time.Time) *learnedHost {
	if h, ok := l.hosts[name]; ok {
		return h
	}
	if l.hosts == nil {
		l.hosts = make(map[string]*learnedHost)
	}
	if len(l.hosts) == maxLearnedHosts {
		delete(l.hosts, slices.MinFunc(slices.Collect(maps.Keys(l.hosts)), func(a, b string) int {
			return l.hosts[a].LastSeen.Compare(l.hosts[b].LastSeen)
		}))
	}
	h := &learnedHost{LearnedHost: LearnedHost{Host: name, FirstSeen: now}, headers: make(map[string]*LearnedHeader)}
	l.hosts[name] = h
	return h
}

// note learns from one header. The caller holds the learner's mu.
func (h *learnedHost) note(name string, values []string, now time.Time) {
	header, ok := h.headers[name]
	if !ok {
		if len(h.headers) == maxLearnedNames || len(name) > maxLearnedName {
			h.Unlisted++
			return
		}
		header = &LearnedHeader{Name: name, FirstSeen: now, Standard: isStandardHeader(name)}
		h.headers[name] = header
	}
	header.Requests++
	header.LastSeen = now
	if header.Standard {
		return
	}
	for _, value := range values {
		if shape := shapeOf(value); len(header.Shapes) < maxLearnedShapes && !slices.Contains(header.Shapes, shape) {
			header.Shapes = append(header.Shapes, shape)
		}
	}
}

func (l *learner) list() []LearnedHost {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]LearnedHost, 0, len(l.hosts))
	for _, name := range slices.Sorted(maps.Keys(l.hosts)) {
		h := l.hosts[name].LearnedHost
		h.Headers = make([]LearnedHeader, 0, len(l.hosts[name].headers))
		for _, key := range slices.Sorted(maps.Keys(l.hosts[name].headers)) {
			header := *l.hosts[name].headers[key]
			header.Shapes = append([]LearnedShape{}, header.Shapes...)
			h.Headers = append(h.Headers, header)
		}
		list = append(list, h)
	}
	return list
}

func (l *learner) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hosts = nil
}
