package site

import (
	"context"
	"errors"
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

// describer is a Client that can ask who answers. With an error it returns what it knows from before.
type describer interface {
	Describe(ctx context.Context) (Description, error)
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

// describe asks a way who answers, unless it has said so a while ago. errNothing: it tells strangers nothing, or something that does
// not hinder other questions.
func (s *Site) describe(ctx context.Context, w *way) error {
	d, ok := w.client.(describer)
	if !ok {
		return errNothing
	}
	old := w.about.Load()
	if old == nil {
		old = &AboutStatus{}
	}
	if old.LastError == "" && s.now().Sub(old.Asked) < describeEvery && w.circuit.works() {
		return nil
	}
	got, err := d.Describe(ctx)
	if errors.Is(err, context.Canceled) {
		return err
	}
	s.metrics.count(w.name, kindOf(err))
	next := &AboutStatus{Description: got, Asked: s.now().Round(0)}
	for _, aside := range []error{ccm.ErrRefused, ccm.ErrProtocol, ccm.ErrForbidden, ccm.ErrRedirected} {
		if errors.Is(err, aside) {
			next.LastError, err = saying(err), errNothing
		}
	}
	if err != nil {
		next.Asked = time.Time{}
	}
	if err != nil && next.sameSite(old) {
		next.Version, next.Asked = old.Version, old.Asked // of the documents it is the one that nobody keeps
	}
	w.about.Store(next)
	return err
}

// sameSite tells whether what is kept is still about the site of an earlier answer.
func (a *AboutStatus) sameSite(old *AboutStatus) bool {
	return a.Of == old.Of && a.SigningCertificate == old.SigningCertificate
}

// look asks a way who answers, and how the registration stands, and finds out by that whether it works. When neither tells, a
// registered machine asks about the content that every site has.
func (s *Site) look(ctx context.Context, w *way) error {
	known := s.describe(ctx, w)
	if known != nil && !errors.Is(known, errNothing) {
		return known
	}
	_, ok := w.client.(confirmer)
	t := s.terms.Load()
	if !ok || t.smsid == "" {
		return known
	}
	err := s.askState(ctx, w)
	_, pending := s.registration.pending()
	switch {
	case !aboutUs(err) || pending:
		return err
	case known == nil:
		return nil // Status tells how the registration stands
	}
	_, err = w.client.Locate(ctx, ccm.Content{}, t.place())
	return err
}
