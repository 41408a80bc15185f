package precache

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"branchpoint/proxy/content"
)

// Request says what to fetch, and from where.
type Request struct {
	// Content is the content's ID: "PS100015", "Content_<guid>", "<guid>" or "UID:<guid>", perhaps with ".<version>" behind it.
	Content string `json:"content"`
	// Version of the content. Zero: what the ID says, or else the greatest that the site is known to have of a package, or 1.
	Version int `json:"version,omitempty"`
	// From is "mp" for a distribution point that the management point names, "cmg" for one that the gateway names, or the URL
	// of a distribution point. Empty: the first of all these that works.
	From string `json:"from,omitempty"`
	// DryRun only finds out which files there are, and which of them are in the cache.
	DryRun bool `json:"dry_run,omitempty"`
}

// ErrRequest says that a Request makes no sense. The text says why, and repeats nothing of From: there may be a password in it.
var ErrRequest = errors.New("this cannot be fetched")

// The ways of asking the site.
const (
	wayPoint   = "mp"
	wayGateway = "cmg"
)

// asked is a Request that was understood.
type asked struct {
	Request
	// id and number are what the site is asked for. 0: nobody has told the version.
	id     string
	number int
	// folder is how a URL of a distribution point names the content.
	folder string
	// point is the URL that From is. Empty: it is none.
	point string
}

// same tells whether two requests are about the same content.
func (a asked) same(other asked) bool {
	return strings.EqualFold(a.folder, other.folder) && a.number == other.number
}

// understand checks a Request.
func understand(r Request) (asked, error) {
	a := asked{Request: r}
	if err := a.readContent(); err != nil {
		return asked{}, err
	}
	switch strings.ToLower(r.From) {
	case "", wayPoint, wayGateway:
		a.From = strings.ToLower(r.From)
		return a, nil
	}
	folder, err := folderAt(r.From, a.folder)
	if err != nil {
		return asked{}, fmt.Errorf("%w: the place %w", ErrRequest, err)
	}
	a.point = folder
	return a, nil
}

// maxContentID is far above any ID: a GUID with something before and behind it.
const maxContentID = 128

// readContent finds out what the ID means. A package keeps the name that it was given: clients ask for its files without a
// version, whatever the version is, and the version is for the site to know.
func (a *asked) readContent() error {
	bare := a.Content
	if prefix, rest, ok := strings.Cut(bare, ":"); ok && strings.EqualFold(prefix, "UID") {
		bare = rest
	}
	if len(bare) > maxContentID || strings.ContainsAny(bare, `/\?#%`) {
		return fmt.Errorf("%w: that is no content ID", ErrRequest)
	}
	name, version, dotted := strings.Cut(bare, ".")
	if dotted {
		n, err := strconv.Atoi(version)
		if err != nil || n < 1 || a.Version != 0 && a.Version != n {
			return fmt.Errorf("%w: the version behind the content ID is none, or not the one that is given besides", ErrRequest)
		}
		a.number = n
	} else {
		a.number = a.Version
	}
	if a.Version < 0 {
		return fmt.Errorf("%w: the version is below 1", ErrRequest)
	}
	a.id, a.folder = name, bare
	if !dotted && !isFolder(bare) {
		a.number = max(a.number, 1)
		a.folder = name + "." + strconv.Itoa(a.number) // an application has its version in every URL
	}
	if !isFolder(a.folder) {
		return fmt.Errorf("%w: the content ID is that of no package (PS100015), application (Content_<guid>) or update (<guid>)", ErrRequest)
	}
	return nil
}

// isFolder tells whether a URL of a distribution point can name a content so.
func isFolder(name string) bool {
	_, ok := content.ParseFolder("http", "dp", plainDirectory+"/"+name)
	return ok
}

// plainDirectory is where a distribution point has the contents when its URL does not say.
const plainDirectory = "/SMS_DP_SMSPKG$"

// folderAt returns the URL of a content's folder at a distribution point, whose URL may name a virtual directory.
func folderAt(point, name string) (string, error) {
	u, err := url.Parse(point)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" {
		return "", errors.New("is none of mp, cmg and a URL such as http://dp1.example")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(point, "#") {
		return "", errors.New("has more than a host and a virtual directory in its URL")
	}
	directory := strings.TrimRight(u.EscapedPath(), "/")
	if directory == "" {
		directory = plainDirectory
	}
	if _, ok := content.ParseFolder(u.Scheme, u.Host, directory); ok {
		return "", errors.New("is the URL of a content; name the distribution point alone")
	}
	t, ok := content.ParseFolder(u.Scheme, u.Host, directory+"/"+name)
	if !ok {
		return "", errors.New("is not the URL of a distribution point, such as http://dp1.example")
	}
	return t.Scheme + "://" + u.Host + t.Raw, nil
}
