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
// no management point, or none of that site, or why it cannot be asked; of that one, only what was kept is told. A management point
// that tells strangers nothing is no error.
func (e *Ends) Meet(ctx context.Context, way, code string) (site.Description, error) {
	met, _, err := meet(ctx, e.Ways[way], e.documents[way], code)
	return met, err
}

// documentsWait is how long the documents of a management point that answers are waited for, all of them: they say nothing that
// anything depends on.
const documentsWait = 10 * time.Second

// meet is Meet, and returns besides why the question about the site had no answer.
func meet(ctx context.Context, client *ccm.Client, documents *ccm.Bootstrap, code string) (met site.Description, untold, err error) {
	about, err := client.SiteInformation(ctx)
	silent := err != nil && !isStrange(err) && !errors.Is(err, ccm.ErrOtherSite) && !errors.Is(err, ccm.ErrRefused)
	reading, cancel := context.WithTimeout(ctx, documentsWait)
	defer cancel()
	if silent { // then nobody waits for a document either: what was kept comes at once
		cancel()
	}
	keys, _, keysErr := documents.Keys(reading)
	met = site.Description{ManagementPoints: namesOf(reading, documents), SigningCertificate: signer(reading, documents)}
	if isPlain(keys.Site) {
		met.Of = keys.Site
	}
	if isPlain(about.Version) {
		met.Version = about.Version
	}
	switch of := about.Code; {
	case silent:
		return met, err, err
	case err == nil && !strings.EqualFold(of, code):
		return met, err, otherSite{of, code}
	case err == nil, keysErr == nil && strings.EqualFold(keys.Site, code):
	case keysErr == nil && keys.Site != "":
		return met, err, otherSite{keys.Site, code}
	case errors.Is(err, ccm.ErrOtherSite):
		return met, err, fmt.Errorf("it is a management point that knows no site %s; compare site.code: %w", code, err)
	case isStrange(err):
		return met, err, fmt.Errorf("it is no management point: %w", err)
	}
	return met, err, ctx.Err()
}

// otherSite is a management point of another site than that of the configuration.
type otherSite struct{ of, code string }

// Error is the text.
func (o otherSite) Error() string {
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
