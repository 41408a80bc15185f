package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// maxItems is how many lines one answer may have: each file and folder, and the one that was asked for.
const maxItems = maxListed + maxFolders + 1

// lister lists a content at one DP, by one route, folder by folder.
type lister struct {
	s   *source
	loc *location
	way route
	top naming

	pages  bool     // PROPFIND is refused: the HTML pages are read
	flat   bool     // a list of all folders in one answer is refused
	left   []string // folders to ask for besides
	asked  int      // how many have ever been in left
	known  map[string]bool
	files  []File
	budget int64 // of bytes
}

func newLister(s *source, loc *location, way route, top naming) *lister {
	l := &lister{s: s, loc: loc, way: way, top: top, budget: maxLists}
	l.begin()
	return l
}

// begin forgets every list.
func (l *lister) begin() {
	l.left, l.asked, l.known, l.files = nil, 0, map[string]bool{"": true}, nil
}

// crawl asks for the list of the folder, and then for those of the folders below that no answer so far goes into. It ends with the
// first answer that is no list: half a list would be taken for a whole one.
func (l *lister) crawl(ctx context.Context) (out outcome) {
	out = l.folder(ctx, "")
	for out.verdict == served && len(l.left) > 0 {
		folder := l.left[0]
		l.left = l.left[1:]
		out = l.folder(ctx, folder)
		if out.verdict == missing {
			out.verdict = failed // it was there a moment ago
		}
	}
	return out
}

// folder asks for one folder in the way that the DP allows, which shows at the first one.
func (l *lister) folder(ctx context.Context, folder string) outcome {
	if l.pages {
		return l.byPage(ctx, folder)
	}
	out := l.byPropfind(ctx, folder)
	if out.refusesDepth() && !l.flat {
		l.flat = true
		out = l.byPropfind(ctx, folder)
	}
	if folder != "" || !out.refusesPropfind() || ctx.Err() != nil {
		return out
	}
	l.begin() // what a list said that cannot be believed is forgotten
	page := l.byPage(ctx, folder)
	if page.verdict == served || page.unauthorized() && !out.lied {
		l.pages = true
		return page
	}
	return out
}

// refusesDepth says that a PROPFIND of all folders at once may be what is refused: with 403 (RFC 4918 §9.1), and by some servers
// with 400.
func (o outcome) refusesDepth() bool {
	return o.status == http.StatusForbidden || o.status == http.StatusBadRequest
}

// refusesPropfind says that a page may be had all the same: the method is refused, as with 405 where the WebDAV role of IIS is
// installed on a DP (support article on HTTP 405 from DPs), or its answer is none that we can read.
func (o outcome) refusesPropfind() bool {
	return o.lied || o.verdict == refused && o.status >= 400 && o.status != http.StatusUnauthorized
}

// byPropfind asks by PROPFIND. Clients ask so, but what they and DPs say in it is not public, so this is RFC 4918: without a body
// all properties are told.
func (l *lister) byPropfind(ctx context.Context, folder string) outcome {
	depth := "infinity"
	if l.flat {
		depth = "1"
	}
	text, out := l.askForList(ctx, "PROPFIND", depth, folder, http.StatusMultiStatus)
	if out.verdict != served {
		return out
	}
	items, err := readMultistatus(text, maxItems)
	return l.take(folder, items, err, out)
}

// byPage asks for the page that a DP gives of a folder.
func (l *lister) byPage(ctx context.Context, folder string) outcome {
	text, out := l.askForList(ctx, http.MethodGet, "", folder, http.StatusOK)
	if out.verdict != served {
		return out
	}
	items, err := readPage(text, maxItems)
	return l.take(folder, items, err, out)
}

// take adds what an answer lists. Folders that it does not go into are asked for.
func (l *lister) take(folder string, items []item, err error, out outcome) outcome {
	var folders []string
	inside := make(map[string]bool) // folders that the answer goes into
	for _, it := range items {
		path, ok := l.top.below(folder, it.href)
		if !ok {
			err = errOutside
			break
		}
		for up := parent(path); len(up) > len(folder); up = parent(up) {
			inside[fold(up)] = true
		}
		switch {
		case l.isKnown(path):
		case it.folder:
			folders = append(folders, path)
		default:
			l.files = append(l.files, File{Path: path, Size: it.size, ModTime: it.modTime})
		}
	}
	for _, path := range folders {
		if !inside[fold(path)] {
			l.left = append(l.left, path)
			l.asked++
		}
	}
	if len(l.files) > maxListed || l.asked > maxFolders {
		err = errTooMany
	}
	if err != nil {
		return outcome{status: out.status, lied: true, err: fmt.Errorf("status %d with a list that is of no use: %w", out.status, err)}
	}
	return out
}

var (
	errOutside = errors.New("it names what is outside of the folder")
	errTooMany = fmt.Errorf("it has more than %d files or %d folders", maxListed, maxFolders)
)

// isKnown tells whether a file or a folder has been listed before, and notes it.
func (l *lister) isKnown(path string) bool {
	key := fold(path)
	known := l.known[key]
	l.known[key] = true
	return known
}

// parent is the folder that a file or a folder is in; that of one at the top is empty.
func parent(path string) string {
	return path[:max(strings.LastIndexByte(path, '/'), 0)]
}

// fold makes one of the spellings of a name that Windows takes for one, as far as it matters here: two that are left apart are
// listed twice.
func fold(path string) string { return strings.ToLower(path) }
