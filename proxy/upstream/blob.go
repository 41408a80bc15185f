package upstream

import (
	"context"
	"io"
	"net/http"
	"time"

	"branchpoint/proxy/content"
)

// A blob of cloud storage is to be had from one server, by a URL that was signed for one client. No token of ours is ever shown
// to it. When that server does not serve, a site may know the same file at others, by URLs that were signed for us: see Elsewhere.

// isBlob tells whether the file is a blob.
func (s *source) isBlob() bool { return s.target.ID.Share == content.Blob }

// byAny asks a DP by its routes, and a storage service by the URLs that clients have for it.
func (s *source) byAny(ctx context.Context, loc *location, q query) outcome {
	switch {
	case len(q.urls) > 0:
		return s.byURLs(ctx, loc, q)
	case s.isBlob():
		return s.byOffers(ctx, loc, q)
	}
	return s.byRoutes(ctx, loc, func(r route) outcome { return s.exchange(ctx, loc, r, q) })
}

// byOffers takes the URLs that there are for the blob in order until one is not refused. One that was is not taken again, for
// whomever: it has ended, or was taken back.
func (s *source) byOffers(ctx context.Context, loc *location, q query) (out outcome) {
	q = s.informed(q)
	at := endpoint{s.target.Scheme, s.target.Host}
	for _, o := range s.offers() {
		out = s.byOffer(ctx, loc, at, o, q)
		if out.verdict == served && !s.clientAuth {
			out.info = s.pool.facts.learn(s.target.ID, q, out)
		}
		if out.verdict != refused || ctx.Err() != nil {
			return out
		}
		if s.clientAuth {
			continue // one question of a client ends no download
		}
		if o.is(s.own) {
			s.spent.Store(true)
		}
		s.pool.offers.drop(s.target.ID, o)
	}
	return out
}

// byURLs takes the URLs that the site gave for another storage service, in order, until one is not refused. What the blob's own
// storage has told stays the word on what it is.
func (s *source) byURLs(ctx context.Context, loc *location, q query) (out outcome) {
	q.abroad = true
	q = s.informed(q)
	for _, o := range q.urls {
		out = s.byOffer(ctx, loc, loc.base, o, q)
		if out.verdict == served {
			out.info = s.pool.facts.learn(s.target.ID, q, out)
		}
		if out.verdict != refused || ctx.Err() != nil {
			return out
		}
	}
	return out
}

// informed is q with what is known of the blob.
func (s *source) informed(q query) query {
	q.sole = true
	known, ok := s.pool.facts.about(s.target.ID, q.want)
	if ok {
		q.digest = known.digest
	}
	if q.abroad && ok && q.want == nil {
		q.want = &known.info
	}
	q.undated = q.abroad || ok && known.elsewhere
	return q
}

// offers returns the URLs to take, the best first and never none: the client's own, then those of others, the newest first. An
// own one that was refused is taken only when nobody has another, and one that has ended by our clock, which may be wrong, last.
func (s *source) offers() []offer {
	if s.clientAuth {
		return []offer{s.own}
	}
	others := s.pool.offers.others(s.target.ID, s.own)
	switch {
	case s.spent.Load() && len(others) > 0:
		return others
	case s.own.ended(time.Now()):
		return append(others, s.own)
	}
	return append([]offer{s.own}, others...)
}

// byOffer asks by one URL. One that is signed for GET only, as some stores do it, answers a HEAD with a refusal; then one byte
// tells as much.
func (s *source) byOffer(ctx context.Context, loc *location, at endpoint, o offer, q query) outcome {
	raw, header := o.reveal()
	r := route{endpoint: at, raw: raw, header: header}
	out := s.exchange(ctx, loc, r, q)
	if q.method != http.MethodHead || !refusesHead(out.status) || ctx.Err() != nil {
		return out
	}
	q.method, q.n, q.peek = http.MethodGet, 1, true
	out = s.exchange(ctx, loc, r, q)
	if out.body != nil {
		if _, err := io.CopyN(io.Discard, out.body, 1); err != nil {
			out.verdict, out.err = failed, err
		}
		out.body.Close()
		out.body = nil
	}
	return out
}

func refusesHead(status int) bool {
	return status == http.StatusForbidden || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented
}
