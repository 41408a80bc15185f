package upstream

import (
	"context"
	"net/http"
)

// byRoutes takes the routes to one DP in order until one lets us in. A DP whose plain directory asks for authentication is
// remembered, so that the next request begins at its token endpoint; and a token endpoint that fails is, so that the next
// request does not wait for it too.
func (s *source) byRoutes(ctx context.Context, loc *location, ask func(route) outcome) outcome {
	var first *outcome
	away := false
	for _, r := range s.routes(loc) {
		if r.token && first != nil && !first.unauthorized() {
			break // the plain way failed for another reason than the lack of a token
		}
		if r.tokenEndpoint && loc.tokenAway.ahead() {
			away = true
			continue
		}
		out, asked := s.byRoute(ctx, loc, r, ask)
		if !asked {
			away = away || r.tokenEndpoint // it might have let us in, had we a token
			continue
		}
		switch {
		case r.tokenEndpoint && out.verdict == failed:
			away = true
			s.pool.tokenEndpointFailed(ctx, loc, out.err)
		case r.tokenEndpoint && out.status == http.StatusUnauthorized:
			away = true // to a better token of ours it might have opened
		case r.tokenEndpoint && out.verdict == served && first != nil:
			loc.asksAuth.in(s.pool.cfg.RememberAuth)
		}
		// A file that is missing where the client did not look may only mean that there is no token endpoint.
		isGuess := out.verdict == missing && r.tokenEndpoint && first != nil
		if (out.settled() && !isGuess) || ctx.Err() != nil {
			return out
		}
		if first == nil || first.verdict == failed {
			first = &out
		}
	}
	first.tokenAway = away && first.unauthorized()
	return *first // one was asked: there is always a route that does without a token
}

// tokenEndpointFailed has it left alone for a while, unless it is the caller who has gone.
func (p *pool) tokenEndpointFailed(ctx context.Context, loc *location, err error) {
	if p.ended(ctx) == nil {
		loc.tokenAway.in(p.cfg.CoolDown)
		p.cfg.Logger.Warn("token endpoint gave no answer", "host", loc.token.host, "reason", err.Error())
	}
}

// settled says that no other route to the same DP can do better.
func (o outcome) settled() bool { return o.verdict != failed && o.verdict != refused }

// unauthorized says that a credential is lacking.
func (o outcome) unauthorized() bool {
	return o.status == http.StatusUnauthorized || o.status == http.StatusForbidden
}

// byRoute asks by one route. It reports false when the route needs a token and there is none.
func (s *source) byRoute(ctx context.Context, loc *location, r route, ask func(route) outcome) (out outcome, asked bool) {
	if !r.token {
		return ask(r), true
	}
	k := keys{tokens: s.pool.cfg.Tokens, audience: loc.audience, host: r.host}
	bare := s.pool.withoutCredential(r.header)
	for range maxKeys {
		r.header = bare.Clone()
		err := k.next(ctx, r.header)
		if err != nil && !asked && len(r.shown) > 0 {
			r.header = bare
			r.header[http.CanonicalHeaderKey(s.pool.cfg.TokenHeader)] = r.shown
			return ask(r), true
		}
		if err != nil && !asked && r.bareToo {
			r.header = bare
			return ask(r), true
		}
		if err != nil {
			return out, asked
		}
		out, asked = ask(r), true
		if !k.answered(out.status, out.verdict == served) {
			return out, true
		}
	}
	return out, true
}
