package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"branchpoint/proxy/content"
)

// Elsewhere knows at which other storage services a blob is: a site does that has several cloud DPs. It is used by several
// goroutines at once.
type Elsewhere interface {
	// Signed returns URLs of the same file, best first. scheme and host are those of the blob's own storage, path is the blob's as
	// the client wrote it, without the query. size is the file's in bytes, -1 when nobody knows it. Its answer is the word of
	// the site on which bytes are the blob's: nobody else may have had a say in it.
	//
	// It is called when the blob's own storage does not serve, again and again during a download: what is known is to be
	// answered from memory. The text of an error holds no secret.
	Signed(ctx context.Context, scheme, host, path string, size int64) ([]SignedURL, error)
}

// SignedURL is the right to read a blob. It is a secret, and prints as "redacted".
type SignedURL struct {
	at    endpoint
	id    content.ID // zero when it is not the URL of a blob as clients have them
	offer func(s *source) offer
}

var errSignedURL = errors.New("not the https URL of a blob")

// NewSignedURL checks a URL. It must be https, and hold what a request line may hold; an error does not repeat it.
func NewSignedURL(text string) (SignedURL, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	slash := strings.IndexByte(rest, '/')
	if !ok || slash < 0 || !strings.EqualFold(scheme, "https") {
		return SignedURL{}, errSignedURL
	}
	host, ok := content.HostPort("https", rest[:slash])
	raw := rest[slash:]
	isBad := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '#' }
	if !ok || strings.HasPrefix(raw, "//") || strings.ContainsFunc(raw, isBad) {
		return SignedURL{}, errSignedURL
	}
	var until time.Time
	t, _ := content.ParseBlob("https", host, raw)
	if t.Signed {
		until = t.Until
	}
	return SignedURL{at: endpoint{"https", host}, id: t.ID, offer: func(s *source) offer {
		return newOffer(raw, s.pool.lentHeaders(s.target.Header), until)
	}}, nil
}

// Format prints no more than that there is one.
func (u SignedURL) Format(f fmt.State, _ rune) { io.WriteString(f, "redacted") }

// MarshalText is for encoders.
func (u SignedURL) MarshalText() ([]byte, error) { return []byte("redacted"), nil }

// LogValue is for logs.
func (u SignedURL) LogValue() slog.Value { return slog.StringValue("redacted") }

// elsewhere asks at which other storage services the blob is, and invites them to the round. It waits as long as for a DP.
func (s *source) elsewhere(ctx context.Context, r *round) {
	p := s.pool
	if p.cfg.Elsewhere == nil {
		return
	}
	wd := p.watch(ctx, p.cfg.HeaderTimeout)
	defer wd.end()
	path, _, _ := strings.Cut(s.target.Raw, "?")
	urls, err := p.cfg.Elsewhere.Signed(wd.ctx, s.target.Scheme, s.target.Host, path, p.facts.size(s.target.ID, r.want))
	if err != nil && p.ended(ctx) == nil {
		p.cfg.Logger.Debug("the site does not say where else a blob is", "content", s.target.ID.Name(), "reason", err.Error())
	}
	for _, u := range urls[:min(len(urls), maxParty)] {
		s.accept(r, u)
	}
}

// accept takes one URL. One of the blob's own storage is an offer like those of clients, when it is one of the same blob.
func (s *source) accept(r *round, u SignedURL) {
	switch own := (endpoint{s.target.Scheme, s.target.Host}); {
	case u.offer == nil:
	case u.at != own:
		r.inviteAbroad(s.pool.dir.storage(u.at), u.offer(s))
	case u.id.Share == content.Blob && u.id.Content == s.target.ID.Content && u.id.Path == s.target.ID.Path:
		s.pool.offers.add(s.target.ID, u.offer(s))
		r.again(s.named)
	}
}

// storage returns a storage service that a site names: with no token and for no audience.
func (d *directory) storage(at endpoint) *location {
	loc := d.known(&location{base: at})
	if loc.base != at { // somebody's token endpoint
		return nil
	}
	return loc
}
