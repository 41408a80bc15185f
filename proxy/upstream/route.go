package upstream

import (
	"net/http"
	"slices"
	"strings"

	"branchpoint/proxy/content"
)

// route is one way of asking one DP.
type route struct {
	endpoint
	raw    string // the request target, sent as it is
	header http.Header
	token  bool // a token of ours is to be added
	// bareToo says that without a token the request goes out as it is: the DP may want none.
	bareToo bool
	// tokenEndpoint says that the client did not name this way: it is where a token can take the place of a client's own
	// authentication.
	tokenEndpoint bool
	// shown is the client's own token, which is used when there is none of ours. It is for DPs that take the same tokens as the
	// one that the client showed it to.
	shown []string
}

// routes returns the ways of asking loc for the source's file, the best first. The next one is taken when a DP does not let
// us in.
func (s *source) routes(loc *location) []route {
	p := s.pool
	plain := s.plainRoute(loc)
	if s.clientAuth || p.cfg.Tokens == nil || loc.audience == "" {
		return []route{plain}
	}
	if plain.scheme == "https" && slices.Contains(p.cfg.TokenVdirs, s.vdirOf(loc)) {
		ours := plain
		ours.token = true
		if p.hasCredential(plain.header) {
			return []route{plain, ours}
		}
		ours.bareToo = true
		return []route{ours}
	}
	token := route{
		endpoint: loc.token, raw: s.target.WithVdir(p.cfg.TokenVdirs[0]), header: p.plainHeaders(s.target.Header),
		token: true, tokenEndpoint: true, shown: s.shown(loc),
	}
	if loc.asksAuth.ahead() || (!s.isNamed(loc) && s.target.Vdir == content.TokenAuth) {
		return []route{token, plain}
	}
	return []route{plain, token}
}

// isNamed tells whether loc is the DP that the client named, or what the site knows of it.
func (s *source) isNamed(loc *location) bool {
	return loc == s.named || loc.located && !s.named.configured && loc.isAt(s.named.base)
}

// plainRoute asks as the client would: the DP that it named in its own words, another DP at its plain directory and without
// the client's credentials.
func (s *source) plainRoute(loc *location) route {
	if s.isNamed(loc) {
		return route{
			endpoint: endpoint{s.target.Scheme, s.target.Host}, raw: s.target.Raw, header: s.pool.ownHeaders(s.target.Header),
		}
	}
	return route{endpoint: loc.base, raw: s.target.WithVdir(content.Plain), header: s.pool.plainHeaders(s.target.Header)}
}

// vdirOf is the virtual directory that plainRoute names.
func (s *source) vdirOf(loc *location) content.Vdir {
	if s.isNamed(loc) {
		return s.target.Vdir
	}
	return content.Plain
}

// shown is the token that the client showed to a token directory over TLS, for another DP of the same audience. It goes there
// for this client's download only: on behalf of nobody else, as a token of ours would.
func (s *source) shown(loc *location) []string {
	if s.isNamed(loc) || loc.audience != s.named.audience || s.target.Vdir != content.TokenAuth || s.target.Scheme != "https" {
		return nil
	}
	values := s.target.Header.Values(s.pool.cfg.TokenHeader)
	if slices.ContainsFunc(values, isPassword) {
		return nil
	}
	return values
}

// isPassword tells whether the value of a header may be Authorization of a kind that is no token.
func isPassword(value string) bool {
	scheme, _, _ := strings.Cut(strings.TrimSpace(value), " ")
	return slices.Contains([]string{"basic", "digest", "negotiate", "ntlm"}, strings.ToLower(scheme))
}
