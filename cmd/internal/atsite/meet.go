package atsite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"branchpoint/tokenbroker/ccm"
)

// Met is who answers by a way to the site. What nobody has told is empty.
type Met struct {
	// Version is that of the site.
	Version string
	// ManagementPoints are the names of those of the site.
	ManagementPoints []string
	// Of is the code of the site that the management point itself is of: that of the configuration, or of a secondary site, whose
	// management points answer for the site above it.
	Of string
}

// Meet asks who answers by a way, before anything is registered there. code is that of the configuration. An error says that it is
// no management point, or none of that site, or why it cannot be asked. One that tells strangers nothing is no error.
func (e *Ends) Meet(ctx context.Context, way, code string) (Met, error) {
	about, err := e.Ways[way].SiteInformation(ctx)
	if err != nil && !isStrange(err) && !errors.Is(err, ccm.ErrOtherSite) && !errors.Is(err, ccm.ErrRefused) {
		return Met{}, err
	}
	keys, _, keysErr := e.documents[way].Keys(ctx)
	met := Met{Of: keys.Site}
	if isPlain(about.Version) {
		met.Version = about.Version
	}
	switch of := about.Code; {
	case err == nil && !strings.EqualFold(of, code):
		return met, errOther(of, code)
	case err == nil, keysErr == nil && strings.EqualFold(keys.Site, code):
	case keysErr == nil && keys.Site != "":
		return met, errOther(keys.Site, code)
	case errors.Is(err, ccm.ErrOtherSite):
		return met, fmt.Errorf("it is a management point that knows no site %s; compare site.code", code)
	case isStrange(err):
		return met, fmt.Errorf("it is no management point: %w", err)
	}
	list, _, err := e.documents[way].ManagementPoints(ctx)
	if err == nil { // otherwise they are not known
		met.ManagementPoints = namesOf(list)
	}
	return met, ctx.Err()
}

func errOther(of, code string) error {
	return fmt.Errorf("it is a management point of the site %.8q, and site.code is %s", of, code)
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

// namesOf are the names of management points, the full ones where they have one, each once. What is no name is left out.
func namesOf(list ccm.ManagementPoints) (names []string) {
	for _, mp := range list.List {
		name := strings.ToLower(cmp.Or(mp.FQDN, mp.Name))
		if isPlain(name) && !slices.Contains(names, name) && len(names) < maxNames {
			names = append(names, name)
		}
	}
	return names
}

// isPlain tells whether a text of the site is one that may be shown and used: a name, or a version.
func isPlain(text string) bool {
	return text != "" && len(text) <= 255 && strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}
