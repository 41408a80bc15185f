package atsite

import (
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/site"
)

// Meet asks who answers by a way, before anything is registered there. code is that of the configuration. An error says that it is
// no management point, or none of that site, or why it cannot be asked. A management point that tells strangers nothing is no error.
func (e *Ends) Meet(ctx context.Context, way, code string) (site.Description, error) {
	about, err := e.Ways[way].SiteInformation(ctx)
	if err != nil && !isStrange(err) && !errors.Is(err, ccm.ErrOtherSite) && !errors.Is(err, ccm.ErrRefused) {
		return site.Description{}, err
	}
	met, keysErr := read(ctx, e.documents[way])
	if isPlain(about.Version) {
		met.Version = about.Version
	}
	switch of := about.Code; {
	case err == nil && !strings.EqualFold(of, code):
		return met, otherSite{of, code}
	case err == nil, keysErr == nil && strings.EqualFold(met.Of, code):
	case keysErr == nil && met.Of != "":
		return met, otherSite{met.Of, code}
	case errors.Is(err, ccm.ErrOtherSite):
		return met, otherSite{"", code}
	case isStrange(err):
		return met, fmt.Errorf("it is no management point: %w", err)
	}
	return met, ctx.Err()
}

// documentsWait is how long the documents of a management point are waited for, all of them: they say nothing that anything depends
// on.
const documentsWait = 10 * time.Second

// read reads what a site tells everybody. The error is that of its keys, in which its code is.
func read(ctx context.Context, documents *ccm.Bootstrap) (site.Description, error) {
	ctx, cancel := context.WithTimeout(ctx, documentsWait)
	defer cancel()
	keys, _, err := documents.Keys(ctx)
	said := site.Description{ManagementPoints: namesOf(ctx, documents), SigningCertificate: signer(ctx, documents)}
	if isPlain(keys.Site) {
		said.Of = keys.Site
	}
	return said, err
}

// otherSite is a management point of another site than that of the configuration. of is empty when it only knows none of that code.
type otherSite struct{ of, code string }

// Error is the text.
func (o otherSite) Error() string {
	if o.of == "" {
		return fmt.Sprintf("it is a management point that knows no site %s; compare site.code", o.code)
	}
	return fmt.Sprintf("it is a management point of the site %.8q, and site.code is %s", o.of, o.code)
}

// Unwrap says that the text may be shown, and what it is.
func (o otherSite) Unwrap() []error {
	return []error{tokenbroker.Failure(o.Error()), ccm.ErrOtherSite}
}

// isStrange recognizes what no management point says.
func isStrange(err error) bool {
	if said, ok := errors.AsType[*ccm.Error](err); ok && said.Status == http.StatusNotImplemented { // it does not know the verb
		return true
	}
	return errors.Is(err, ccm.ErrProtocol) || errors.Is(err, ccm.ErrRedirected)
}

// maxNames bounds the management points of a site that are told.
const maxNames = 64

// namesOf are the names of the management points of the site, the full ones where they have one, each once. What is no name is left
// out. None: they are not known.
func namesOf(ctx context.Context, documents *ccm.Bootstrap) (names []string) {
	list, _, err := documents.ManagementPoints(ctx)
	if err != nil {
		return nil
	}
	for _, mp := range list.List {
		name := strings.ToLower(cmp.Or(mp.FQDN, mp.Name))
		if isPlain(name) && !slices.Contains(names, name) && len(names) < maxNames {
			names = append(names, name)
		}
	}
	return names
}

// signer is the thumbprint of the certificate that the site signs with. Empty: it is not known.
func signer(ctx context.Context, documents *ccm.Bootstrap) string {
	certificate, _, err := documents.SiteCertificate(ctx)
	if err != nil {
		return ""
	}
	sum := sha1.Sum(certificate.Raw) // as the console and Windows show it
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// isPlain tells whether a text of the site is one that may be shown and used: a name, or a version.
func isPlain(text string) bool {
	return text != "" && len(text) <= 255 && strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}
