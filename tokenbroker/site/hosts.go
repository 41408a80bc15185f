package site

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxHosts bounds the cloud distribution points whose state is remembered.
const maxHosts = 256

// hosts are the circuits of cloud distribution points.
type hosts struct {
	mu    sync.Mutex
	first time.Duration
	known *simplelru.LRU[string, *circuit]
}

func newHosts() *hosts { return &hosts{known: newRecent[string, *circuit](maxHosts)} }

// tune makes first the length of the pauses to come.
func (h *hosts) tune(first time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.first = first
	for _, c := range h.known.Values() {
		c.tune(first)
	}
}

// circuit is that of a host, made when it is new.
func (h *hosts) circuit(host string) *circuit {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, ok := h.known.Get(host)
	if !ok {
		c = &circuit{first: h.first}
		h.known.Add(host, c)
	}
	return c
}
