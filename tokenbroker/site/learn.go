package site

import (
	"slices"

	"branchpoint/tokenbroker/ccm"
)

// learn keeps what an answer says, from a way or passed, and returns what is left of it for those who asked. secure says that it
// came over TLS.
func (s *Site) learn(t *terms, from string, c ccm.Content, found ccm.Locations, secure bool) ccm.Locations {
	now := s.now()
	found = t.believed(found, secure)
	s.names.note(s.log, from, found.Unknown)
	if found.TokenError != nil {
		bad := &ccm.Error{Op: "read the token in an answer", Kind: ccm.ErrNoToken, Cause: found.TokenError}
		s.purse.complain(from, bad.Error())
	}
	found.List = found.List[:min(len(found.List), maxLocations)]
	for audience, token := range t.tokensIn(found) {
		s.purse.take(audience, from, token, now)
	}
	for _, l := range found.List {
		if l.Access == ccm.AccessToken {
			s.purse.visit(t.audience(l), c)
		}
	}
	s.indexClouds(found, c)
	found = pruned(found)
	s.atlas.put(fold(c), from, found, now)
	return found
}

// believed is what is left of an answer without the cloud locations that are not to be believed.
func (t *terms) believed(found ccm.Locations, secure bool) ccm.Locations {
	if !secure {
		found.List = slices.DeleteFunc(slices.Clone(found.List), func(l ccm.Location) bool { return l.Cloud && !t.trusted(l) })
	}
	return found
}

// indexClouds remembers which content the URLs of cloud locations are for. Without its query a URL is for all of them.
func (s *Site) indexClouds(found ccm.Locations, c ccm.Content) {
	for _, l := range found.List[:min(len(found.List), maxLocations)] {
		if l.Cloud && !l.Query.IsZero() {
			s.index.locate(l, c)
		}
	}
}

// tokensIn are the tokens of an answer by what they are for. The one of the whole answer is for the site's own distribution points
// that want a token and have none of their own. Only where none of them wants one, and a cloud distribution point has none of its
// own, can it be for that (Microsoft's page on cloud distribution points has clients get a token together with the locations).
func (t *terms) tokensIn(found ccm.Locations) map[string]ccm.Token {
	tokens := map[string]ccm.Token{}
	isOurs := func(l ccm.Location) bool { return l.Access == ccm.AccessToken && !l.Cloud }
	isBare := func(l ccm.Location) bool { return l.Cloud && l.Token.IsZero() }
	ours, bare := slices.ContainsFunc(found.List, isOurs), slices.ContainsFunc(found.List, isBare)
	for _, l := range found.List {
		token := l.Token
		if token.IsZero() && (isOurs(l) || isBare(l) && !ours) {
			token = found.Token
		}
		audience := t.audience(l)
		if _, ok := tokens[audience]; !ok && audience != "" && !token.IsZero() {
			tokens[audience] = token
		}
	}
	if !ours && !bare && !found.Token.IsZero() {
		tokens[t.siteAudience] = found.Token
	}
	return tokens
}

// pruned is what is kept of an answer: no token, and no more than the bounds allow.
func pruned(found ccm.Locations) ccm.Locations {
	found.List = slices.Clone(found.List)
	for i := range found.List {
		found.List[i].Token = ccm.Token{}
	}
	found.Token, found.TokenError, found.Unknown = ccm.Token{}, nil, nil
	found.Hashes = slices.Clone(found.Hashes[:min(len(found.Hashes), maxHashes)])
	return found
}
