package site

import (
	"net/url"
	"strings"

	"branchpoint/tokenbroker/ccm"
)

// Passed takes an answer about a content that passed by on its way from the site to a client: the text of its body. Its
// locations count as an answer of last resort beside those of the ways. tokens says that what it holds for the client may be
// used: tokens, and the queries of cloud locations. The sources of tokens then fall back on them. What is no such answer is
// left aside. secure says that it came over TLS. It asks nobody.
func (s *Site) Passed(content ccm.Content, reply string, tokens, secure bool) {
	t := s.terms.Load()
	if t.replies == nil {
		return
	}
	found, err := t.replies.Read(reply, s.now())
	if err != nil {
		bad := &ccm.Error{Op: "read an answer that passed by", Kind: ccm.ErrProtocol, Cause: err}
		s.log.Debug("an answer of the site that passed by does not read", "reason", bad.Error())
		return
	}
	found = t.believed(found, secure)
	s.indexClouds(found, content)
	if !tokens {
		found = withoutSecrets(found)
	}
	s.learn(t, passed, content, found, secure)
}

// withoutSecrets leaves out of an answer what is the client's own.
func withoutSecrets(found ccm.Locations) ccm.Locations {
	found.Token, found.TokenError = ccm.Token{}, nil
	for i := range found.List {
		found.List[i].Token = ccm.Token{}
		if found.List[i].Cloud {
			found.List[i].Query = ccm.Secret{}
		}
	}
	return found
}

// ListPassed takes a list of cloud content that passed by on its way to a client: the answer 200 of a host, with or without
// its port, to a target in origin form, which is a secret. It remembers which file each blob holds, and nothing that is signed.
// What is no such list is left aside. It asks nobody.
func (s *Site) ListPassed(host, target string, body []byte) {
	t := s.terms.Load()
	if t.manifests == nil {
		return
	}
	c, ok := s.requested("https://" + host + target)
	if !ok {
		return
	}
	files, err := t.manifests.Read(body)
	if err != nil {
		s.noteSchema(passed, err)
		s.log.Debug("a list of cloud content that passed by does not read", "reason", err.Error())
		return
	}
	s.index.enlist(c, files)
}

// requested is the content of a request for a list: the one that was located there, or else the one that the query names by
// "cid". Microsoft's release notes show such a URL, of a package, without a version: it is 0 then.
func (s *Site) requested(target string) (ccm.Content, bool) {
	if c, ok := s.index.content(target); ok {
		return c, true
	}
	u, err := url.Parse(target)
	if err != nil {
		return ccm.Content{}, false
	}
	id := u.Query().Get("cid")
	c, err := ccm.ParseContent(id, 0)
	if err != nil {
		return ccm.Content{}, false
	}
	if c.Kind != ccm.Update && !strings.Contains(id, ".") {
		c.Version = 0
	}
	return c, true
}
