package upstream

import (
	"context"
	"net/http"
)

// byRoutes takes the routes to one DP in order until one lets us in. A DP whose plain directory asks for authentication is
// remembered, so that the next request begins at its token endpoint.
func (s *source) byRoutes(ctx context.Context, loc *location, q query) outcome {
	var first *outcome
	for _, r := range s.routes(loc) {
		if r.token && first != nil && !first.unauthorized() {
			break // the plain way failed for another reason than the lack of a token
		}
		out, asked := s.byRoute(ctx, loc, r, q)
		if !asked {
			continue
		}
		s.learnAuth(loc, r, out)
		// A file that is missing where the client did not look may only mean that there is no token endpoint.
		isGuess := out.verdict == missing && r.tokenEndpoint && first != nil
		if (out.settled() && !isGuess) || ctx.Err() != nil {
			return out
		}
		if first == nil || first.verdict == failed {
			first = &out
		}
	}
	return *first // one was asked: there is always a route that does without a token
}

// settled says that no other route to the same DP can do better.
func (o outcome) settled() bool { return o.verdict != failed && o.verdict != refused }

// unauthorized says that a credential is lacking.
func (o outcome) unauthorized() bool {
	return o.status == http.StatusUnauthorized || o.status == http.StatusForbidden
}

// learnAuth remembers which way worked.
func (s *source) learnAuth(loc *location, r route, out outcome) {
	switch {
	case r.tokenEndpoint && out.verdict == served:
		loc.rememberAuth(s.pool.cfg.RememberAuth)
	case r.tokenEndpoint && out.verdict == failed:
		loc.rememberAuth(0)
	}
}

// byRoute asks by one route. It reports false when the route needs a token and there is none.
func (s *source) byRoute(ctx context.Context, loc *location, r route, q query) (out outcome, asked bool) {
	if !r.token {
		return s.exchange(ctx, loc, r, q), true
	}
	k := keys{tokens: s.pool.cfg.Tokens, audience: loc.audience}
	bare := s.pool.withoutCredential(r.header)
	for range maxKeys {
		r.header = bare.Clone()
		err := k.next(ctx, r.header)
		if err != nil && !asked && r.bareToo {
			r.header = bare
			return s.exchange(ctx, loc, r, q), true
		}
		if err != nil {
			return out, asked
		}
		out, asked = s.exchange(ctx, loc, r, q), true
		if !k.answered(out.status, out.verdict == served) {
			return out, true
		}
	}
	return out, true
}
