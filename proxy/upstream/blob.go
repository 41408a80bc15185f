package upstream

import (
	"context"
	"io"
	"net/http"
	"time"

	"branchpoint/proxy/content"
)

// A blob of cloud storage is to be had from one server, by a URL that was signed for one client. No other server stands in for
// it, and no token of ours is ever shown to it.

// isBlob tells whether the file is a blob.
func (s *source) isBlob() bool { return s.target.ID.Share == content.Blob }

// byAny asks a DP by its routes, and a storage service by the URLs that clients have for it.
func (s *source) byAny(ctx context.Context, loc *location, q query) outcome {
	if s.isBlob() {
		return s.byOffers(ctx, loc, q)
	}
	return s.byRoutes(ctx, loc, q)
}

// byOffers takes the URLs that there are for the blob in order until one is not refused. One that was is not taken again, for
// whomever: it has ended, or was taken back.
func (s *source) byOffers(ctx context.Context, loc *location, q query) (out outcome) {
	q.sole = true
	for _, o := range s.offers() {
		out = s.byOffer(ctx, loc, o, q)
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
func (s *source) byOffer(ctx context.Context, loc *location, o offer, q query) outcome {
	raw, header := o.reveal()
	r := route{endpoint: endpoint{s.target.Scheme, s.target.Host}, raw: raw, header: header}
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
