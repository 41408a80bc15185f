package upstream

import (
	"context"
	"fmt"
	"net/http"

	"branchpoint/proxy/content"
)

// Ask puts t to the DP that it names, in a HEAD with the client's own headers and no credential of ours, and returns the
// DP's status: its verdict on this client. It is 2xx only when the DP has the file for the client: a page in its place, as a
// form to log in, is no admission but a 403. A status that speaks of the moment and not of the client (407, 408, 429, 500 and
// more) is no verdict, nor is an answer that cannot be believed, as silence is none. A blob whose URL is not signed for HEAD is
// asked for by a GET of one byte.
//
// When that DP has no verdict, the configured DPs of its hierarchy are asked for the file as a stranger would ask: a
// question shows the client's credentials to the host that the client named and to no other. One that serves a stranger shows that the content is open to
// everybody, and Ask returns its status. What else they say concerns the stranger and not the client. Without any verdict the
// error Is cache.ErrUnreachable, and says how the named DP failed.
func (p *Pool) Ask(ctx context.Context, t content.Target) (int, error) {
	return p.now.Load().ask(ctx, t)
}

func (p *pool) ask(ctx context.Context, t content.Target) (int, error) {
	s := p.source(t, true)
	var named outcome
	for w := s.newInquiry(); ; {
		loc := w.next()
		if loc == nil {
			return 0, &unreachableError{fmt.Errorf("asking %s: %w", t.Host, named.err), isTimeout(named.err)}
		}
		if loc != s.named && loc.health.state() == open {
			continue // somebody is waiting, and it is likely to say nothing
		}
		out := s.attempt(ctx, loc, query{method: http.MethodHead})
		if err := p.ended(ctx); err != nil && out.verdict == canceled {
			return 0, fmt.Errorf("asking %s: %w", loc.label, err)
		}
		if out.verdict == served || loc == s.named && out.verdict != failed && out.status >= 300 {
			return out.status, nil
		}
		if loc == s.named && out.verdict == refused {
			return http.StatusForbidden, nil
		}
		if loc == s.named {
			named = out
		}
		s.report(ctx, loc, out)
	}
}

// newInquiry is the order in which Ask asks: the named DP first, unless it has been away for a while, then the configured
// ones of its hierarchy. One that a client brought vouches for nobody.
func (s *source) newInquiry() *walk {
	w := &walk{left: []*location{s.named}, firm: s.named}
	if s.isBlob() {
		return w
	}
	for _, loc := range s.pool.dir.configured {
		if loc != s.named && loc.hierarchy == s.named.hierarchy {
			w.left = append(w.left, loc)
		}
	}
	return w
}
