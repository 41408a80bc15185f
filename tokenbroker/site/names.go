package site

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
)

const (
	// maxNames bounds the names that are remembered. What comes later is neither logged nor shown.
	maxNames = 256
	// maxPassedNames bounds those of answers that passed by, which may be anybody's, so that there is room for the others.
	maxPassedNames = 64
)

// names are those in answers that nobody knows: elements and attributes by their place, never their values. An administrator
// completes the settings by them.
type names struct {
	mu     sync.Mutex
	known  map[string]bool
	passed int // how many of them were in answers that passed by
}

func newNames() *names { return &names{known: map[string]bool{}} }

// note remembers names, and logs each of them once.
func (n *names) note(log *slog.Logger, from string, found []string) {
	if fresh := n.add(found, from == passed); len(fresh) > 0 {
		log.Info("an answer of the site has names that are not known", "way", from, "names", fresh)
	}
}

func (n *names) add(found []string, byTheWay bool) (fresh []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range found {
		if n.known[name] || len(n.known) >= maxNames || byTheWay && n.passed >= maxPassedNames {
			continue
		}
		if byTheWay {
			n.passed++
		}
		n.known[name] = true
		fresh = append(fresh, name)
	}
	return fresh
}

func (n *names) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.known))
}
