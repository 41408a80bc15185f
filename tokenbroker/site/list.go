package site

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"branchpoint/tokenbroker/ccm"
)

// service is what metrics call the content services of cloud distribution points, all of them.
const service = "content-service"

// shelf is a content at a cloud distribution point.
type shelf struct {
	location ccm.Location
	content  ccm.Content
	known    bool // which content it is
}

func (p shelf) key() listKey {
	if !p.known {
		d, _ := targetDigest(p.location.Target())
		return listKey{url: p.location.URL, target: d}
	}
	return listKey{content: fold(p.content), url: p.location.URL}
}

// List asks a cloud location for the files of its content, with a token of ours that is for it, once for all who ask at the
// same time. The list is kept until its URLs end; it must not be changed. When the location's own query, or the token, is not
// taken, the content is located again, once. Any trouble Is tokenbroker.ErrUnavailable and what the other side has said.
func (s *Site) List(ctx context.Context, l ccm.Location) ([]ccm.CloudFile, error) {
	t := s.terms.Load()
	if t.manifests == nil || !l.Cloud {
		return nil, newTrouble("list cloud content: it is no location of the cloud, or lists are not read")
	}
	at := shelf{location: l}
	at.content, at.known = s.index.content(l.Target())
	files, err := s.list(t, at).wait(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, newTrouble("list cloud content: "+saying(ctx.Err()), ctx.Err())
	}
	return files, err
}

// list gets the list of one cloud distribution point, from memory while its URLs are good.
func (s *Site) list(t *terms, at shelf) *flight[[]ccm.CloudFile] {
	return s.listed.join(s.workers, at.key(), func(ctx context.Context, _ func() bool) ([]ccm.CloudFile, error) {
		if files, ok := s.lists.get(at.key(), s.now()); ok {
			return files, nil
		}
		files, err := s.visit(ctx, t, at.location)
		if err != nil && at.known && outdated(err) {
			files, err = s.revisit(ctx, t, at, err)
		}
		if err != nil {
			return nil, newTrouble("list cloud content at "+hostOf(at.location.URL)+": "+saying(err), err)
		}
		s.lists.put(at.key(), files, s.now())
		if at.known {
			s.index.enlist(at.content, files)
		}
		return files, nil
	})
}

// outdated tells whether a refusal may be about a query that has ended, or a token. The status for a bad query is not public.
func outdated(err error) bool {
	e, ok := errors.AsType[*ccm.Error](err)
	return ok && (errors.Is(e, ccm.ErrExpired) || errors.Is(e, ccm.ErrForbidden) || e.Status == http.StatusBadRequest)
}

// revisit locates the content again, which brings a new query and a new token, and asks once more. refused is why.
func (s *Site) revisit(ctx context.Context, t *terms, at shelf, refused error) ([]ccm.CloudFile, error) {
	found, err := s.relocate(ctx, t, t.ways, at.content, false)
	if err != nil {
		return nil, refused
	}
	i := slices.IndexFunc(found.List, func(l ccm.Location) bool { return l.Cloud && l.URL == at.location.URL })
	if i < 0 {
		return nil, refused
	}
	return s.visit(ctx, t, found.List[i])
}

// visit asks a cloud location for its list, unless its host has failed a moment ago.
func (s *Site) visit(ctx context.Context, t *terms, l ccm.Location) ([]ccm.CloudFile, error) {
	host := s.hosts.circuit(hostOf(l.URL))
	p, err := host.enter(ctx, s.now)
	if err != nil {
		return nil, err
	}
	audience := t.audience(l)
	held, err := s.token(ctx, t, t.ways, audience, false)
	if err != nil && l.Query.IsZero() { // a query may be signed, and enough
		host.abandon(p)
		return nil, err
	}
	files, err := t.manifests.Get(ctx, l, held.token)
	if err != nil && ctx.Err() != nil {
		host.abandon(p)
		return nil, ctx.Err()
	}
	s.metrics.count(service, kindOf(err))
	var away *trouble
	if errors.Is(err, ccm.ErrUnreachable) || errors.Is(err, ccm.ErrServer) {
		away = newTrouble(saying(err), err)
	}
	host.leave(p, away, s.now())
	if errors.Is(err, ccm.ErrExpired) && !held.token.IsZero() {
		s.forget(t, audience, held.out.Fingerprint())
	}
	s.noteSchema(service, err)
	return files, err
}

// noteSchema remembers the names of a list that does not fit the settings.
func (s *Site) noteSchema(from string, err error) {
	if e, ok := errors.AsType[*ccm.Error](err); ok {
		err = e.Cause
	}
	if strange, ok := errors.AsType[*ccm.ManifestError](err); ok {
		s.names.note(s.log, from, strange.Names)
	}
}
