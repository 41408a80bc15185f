package precache

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"branchpoint/proxy/content"
)

// places returns who may have the content, best first: what the request names and nothing else, or what the site names, and
// then the distribution points of the configuration.
func (m *Jobs) places(ctx context.Context, a asked) ([]Place, error) {
	if a.point != "" {
		return []Place{{URL: a.point}}, nil
	}
	var found []Place
	var err error
	switch {
	case m.config.Finder != nil:
		found, err = m.config.Finder.Find(ctx, a.id, a.number, a.From)
		if err != nil {
			err = fmt.Errorf("asking the site who has it: %w", err)
		}
	case a.From != "":
		err = errors.New("no site is configured that could be asked who has it")
	}
	if a.From != "" {
		return found, orNobody(found, err)
	}
	for _, point := range m.config.Points() {
		if folder, wrong := folderAt(point, a.folder); wrong == nil && !hasPlace(found, folder) {
			found = append(found, Place{URL: folder})
		}
	}
	return found, orNobody(found, err)
}

// errNobody says that there is nobody to be asked.
var errNobody = errors.New("nobody is known who has it")

// orNobody is nil when somebody was found: what went wrong before no longer matters then.
func orNobody(found []Place, err error) error {
	if len(found) > 0 {
		return nil
	}
	if err == nil {
		return errNobody
	}
	return err
}

func hasPlace(list []Place, folder string) bool {
	for _, p := range list {
		if strings.EqualFold(p.URL, folder) {
			return true
		}
	}
	return false
}

// splitURL cuts a URL of a place into what content.ParseFolder wants. The raw target stays as the site wrote it.
func splitURL(address string) (scheme, host, raw string, ok bool) {
	scheme, rest, ok := strings.Cut(address, "://")
	i := strings.IndexByte(rest, '/')
	if !ok || i < 1 || strings.ContainsAny(rest[:i], "@?#") {
		return "", "", "", false
	}
	return strings.ToLower(scheme), rest[:i], rest[i:], true
}

// folderOf returns the target that a place's URL is.
func (m *Jobs) folderOf(p Place) (content.Target, error) {
	scheme, host, raw, ok := splitURL(p.URL)
	if !ok {
		return content.Target{}, errors.New("its URL is not one of a distribution point")
	}
	t, ok := content.ParseFolder(scheme, host, strings.TrimRight(raw, `/\`))
	if !ok {
		return content.Target{}, errors.New("its URL names no content")
	}
	t.ID.Hierarchy = m.config.Origins.Hierarchy(t)
	return t, nil
}

// label is how a place is called before people: without a query, and without a password, should there be one.
func (p Place) label() string {
	scheme, host, raw, ok := splitURL(p.URL)
	switch {
	case p.URL == "":
		return ""
	case !ok:
		return "an address that is none"
	}
	path, _, _ := strings.Cut(raw, "?")
	return clip(scheme+"://"+host+path, maxPath)
}
