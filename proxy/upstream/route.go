package upstream

import (
	"net/http"
	"net/url"
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
		token: true, tokenEndpoint: true,
	}
	if loc.asksForAuth() || (loc != s.named && s.target.Vdir == content.TokenAuth) {
		return []route{token, plain}
	}
	return []route{plain, token}
}

// plainRoute asks as the client would: the DP that it named in its own words, another DP at its plain directory and without
// the client's credentials.
func (s *source) plainRoute(loc *location) route {
	if loc == s.named {
		return route{
			endpoint: endpoint{s.target.Scheme, s.target.Host}, raw: s.target.Raw, header: s.pool.ownHeaders(s.target.Header),
		}
	}
	return route{endpoint: loc.base, raw: s.target.WithVdir(content.Plain), header: s.pool.plainHeaders(s.target.Header)}
}

// vdirOf is the virtual directory that plainRoute names.
func (s *source) vdirOf(loc *location) content.Vdir {
	if loc == s.named {
		return s.target.Vdir
	}
	return content.Plain
}

// requestURL makes a URL that net/http writes as raw, byte for byte. Opaque is not re-encoded; but when it begins with "//"
// net/http takes it for a host, so such a target goes through Path, which is possible unless it holds bytes that a URL
// should not.
func (e endpoint) requestURL(raw string) (*url.URL, error) {
	if !strings.HasPrefix(raw, "/") || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, errUnsayable
	}
	path, query, hasQuery := strings.Cut(raw, "?")
	u := &url.URL{Scheme: e.scheme, Host: e.host, Opaque: path, RawQuery: query, ForceQuery: hasQuery && query == ""}
	if strings.HasPrefix(path, "//") {
		decoded, err := url.PathUnescape(path)
		if err != nil {
			return nil, errUnsayable
		}
		u.Opaque, u.Path, u.RawPath = "", decoded, path
	}
	if u.RequestURI() != raw {
		return nil, errUnsayable
	}
	return u, nil
}
