package site

import (
	"context"
	"errors"
	"slices"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// Description is what a way says of its site to everybody. What nobody has told is empty.
type Description struct {
	// Version is that of the site, like "5.00.9128.1000".
	Version string `json:"version,omitempty"`
	// Of is the code of the site that the management point itself is of: those of a secondary site answer for the site above it.
	Of string `json:"of,omitempty"`
	// ManagementPoints are the names of those of the hierarchy.
	ManagementPoints []string `json:"management_points,omitempty"`
	// SigningCertificate is the SHA-1 thumbprint of the certificate that the site signs with, in capital letters.
	SigningCertificate string `json:"signing_certificate,omitempty"`
}

// describer is a Client that can ask who answers.
type describer interface {
	// Describe asks for the version. The error Is ccm.ErrOtherSite when it is no way to our site.
	Describe(ctx context.Context) (Description, error)
	// Documents reads the rest, from what was kept when the site is away. It fails by saying less.
	Documents(ctx context.Context) Description
}

// AboutStatus is who answers by a way.
type AboutStatus struct {
	Description
	// Asked is when it said so. Zero: not since this program began; what is told then was kept from before.
	Asked time.Time `json:"asked,omitzero"`
	// LastError is why a way that may well work does not say it. Empty: it does, or it does not work.
	LastError string `json:"last_error,omitempty"`
}

// describeEvery is how often a way that works is asked who answers.
const describeEvery = time.Hour

// errNothing is a question after which as little is known of a way as before.
var errNothing = errors.New("it says nothing of the way")

// describe asks a way who answers, unless it has said so a while ago.
func (s *Site) describe(ctx context.Context, w *way, d describer) error {
	old := w.aboutNow()
	if old.LastError == "" && s.now().Sub(old.Asked) < describeEvery && w.circuit.works() {
		return nil
	}
	got, err := d.Describe(ctx)
	if errors.Is(err, context.Canceled) {
		return err
	}
	s.metrics.count(w.name, kindOf(err))
	next := old
	next.LastError = ""
	switch {
	case err == nil:
		next.Version, next.Asked = got.Version, s.now().Round(0)
	case errors.Is(err, ccm.ErrOtherSite):
		next = AboutStatus{}
	case !isDown(err):
		next.LastError = saying(err)
	}
	w.about.Store(&next)
	return err
}

// aboutNow is who answers, as far as it is known.
func (w *way) aboutNow() AboutStatus {
	if known := w.about.Load(); known != nil {
		return *known
	}
	return AboutStatus{}
}

// read has the documents of a way tell the rest. Nobody waits for it.
func (s *Site) read(ctx context.Context, w *way, d describer) {
	if w.circuit.status().State == string(kindOf(ccm.ErrOtherSite)) {
		return
	}
	said := d.Documents(ctx)
	next := w.aboutNow()
	next.Of, next.ManagementPoints, next.SigningCertificate = said.Of, said.ManagementPoints, said.SigningCertificate
	w.about.Store(&next)
}

// isDown tells whether nobody answers.
func isDown(err error) bool {
	return errors.Is(err, ccm.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded)
}

// isTaciturn tells whether a server does not tell strangers who it is, or something else than a management point says instead.
func isTaciturn(err error) bool {
	return slices.ContainsFunc([]error{ccm.ErrRefused, ccm.ErrProtocol, ccm.ErrForbidden, ccm.ErrRedirected}, func(one error) bool {
		return errors.Is(err, one)
	})
}

// look asks a way who answers, and how the registration stands, and finds out by that whether it works. When neither tells, a
// registered machine asks about the content that every site has. errNothing: it is known no better than before.
func (s *Site) look(ctx context.Context, w *way) error {
	known := errNothing
	if d, ok := w.client.(describer); ok {
		known = s.describe(ctx, w, d)
	}
	if isDown(known) || errors.Is(known, ccm.ErrOtherSite) || errors.Is(known, context.Canceled) {
		return known
	}
	_, ok := w.client.(confirmer)
	t := s.terms.Load()
	switch {
	case (!ok || t.smsid == "") && isTaciturn(known):
		return errNothing
	case !ok || t.smsid == "":
		return known
	}
	err := s.askState(ctx, w)
	_, pending := s.registration.pending()
	if !aboutUs(err) || pending {
		return err
	}
	if known == nil && w.circuit.works() {
		return nil // Status tells how the registration stands
	}
	_, err = w.client.Locate(ctx, ccm.Content{}, t.place())
	return err
}
