package admin

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"branchpoint/cache"
)

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// content is all objects of one content ID: what a package, an application or an update is made of.
type content struct {
	// Name is hierarchy/share/content, as in "default/package/ps100015".
	Name string `json:"name"`
	// Files are different ones; Objects counts every generation of each.
	Files   int `json:"files"`
	Objects int `json:"objects"`
	// Stored of Size bytes are on disk.
	Stored int64 `json:"stored"`
	Size   int64 `json:"size"`
	// Pinned says that every object is kept whatever happens.
	Pinned bool `json:"pinned"`
	// Open says that somebody reads or fills one of them now.
	Open bool `json:"open"`
	// Used is the last use of any of them.
	Used time.Time `json:"used,omitzero"`
}

// contentList is the answer of /api/v1/contents, by name.
type contentList struct {
	Contents []content `json:"contents"`
	// Next is the cursor of the next page; empty on the last one.
	Next string `json:"next,omitempty"`
}

// serveContents lists contents. Query: prefix of the name, limit (1 to 1000, default 100), cursor (Next of the page before).
func (s *Server) serveContents(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	limit, err := readLimit(query.Get("limit"))
	if err != nil {
		return err
	}
	after, err := base64.RawURLEncoding.DecodeString(query.Get("cursor"))
	if err != nil {
		return &failure{http.StatusBadRequest, "the cursor is not one; take \"next\" of the page before"}
	}
	return writeJSON(w, http.StatusOK, page(s.config.Contents, query.Get("prefix"), string(after), limit))
}

// objectList is the answer of /api/v1/contents/{name}, by name.
type objectList struct {
	Objects []cache.Object `json:"objects"`
}

// serveContent lists the objects of one content.
func (s *Server) serveContent(w http.ResponseWriter, r *http.Request) error {
	name, err := pathValue(r, "name")
	if err != nil {
		return err
	}
	var list objectList
	for _, object := range slices.Sorted(slices.Values(s.objectsOf(name))) {
		list.Objects = append(list.Objects, s.config.Contents.Generations(object)...)
	}
	if len(list.Objects) == 0 {
		return errNotStored()
	}
	return writeJSON(w, http.StatusOK, list)
}

func readLimit(text string) (int, error) {
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, &failure{http.StatusBadRequest, "limit must be a number from 1 to " + strconv.Itoa(maxLimit)}
	}
	return n, nil
}

// contentOf returns the first three parts of an object's name: hierarchy, share and content ID have no slash in them.
func contentOf(object string) string {
	end := 0
	for range 3 {
		i := strings.IndexByte(object[end:], '/')
		if i < 0 {
			return object
		}
		end += i + 1
	}
	return object[:end-1]
}
