package proxy

import lru "github.com/hashicorp/golang-lru/v2"

// serving are the hosts that have served content to clients of ours: distribution points, whether or not they are configured.
type serving struct{ hosts *lru.Cache[string, struct{}] }

// maxServing bounds the list; those that came first are forgotten first.
const maxServing = 1024

func newServing() *serving {
	l := &serving{}
	l.hosts, _ = lru.New[string, struct{}](maxServing) // fails only for a size below one
	return l
}

// note adds the host of host:port. It costs next to nothing when the host is known, since every hit calls it.
func (l *serving) note(address string) {
	if host := bare(address); !l.hosts.Contains(host) {
		l.hosts.Add(host, struct{}{})
	}
}

func (l *serving) has(host string) bool { return l.hosts.Contains(host) }
