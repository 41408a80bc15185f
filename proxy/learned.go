package proxy

import lru "github.com/hashicorp/golang-lru/v2"

// learned are hosts that have served content to clients of ours: distribution points, whether or not they are configured.
type learned struct{ hosts *lru.Cache[string, struct{}] }

// maxLearned bounds the list; those that came first are forgotten first.
const maxLearned = 1024

func newLearned() *learned {
	l := &learned{}
	l.hosts, _ = lru.New[string, struct{}](maxLearned) // fails only for a size below one
	return l
}

// note adds the host of host:port. It costs next to nothing when the host is known, since every hit calls it.
func (l *learned) note(address string) {
	if host := bare(address); !l.hosts.Contains(host) {
		l.hosts.Add(host, struct{}{})
	}
}

func (l *learned) has(host string) bool { return l.hosts.Contains(host) }
