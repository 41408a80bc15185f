package admin

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/go-chi/chi/v5"
)

// changed is the answer to a change of contents.
type changed struct {
	// Objects is how many names of objects it was done to.
	Objects int `json:"objects"`
}

// pinContent keeps a content, or one object of it, from being removed for room, or lets it go again. It is done to what is
// stored now; what comes later is not pinned.
func (s *Server) pinContent(pinned bool) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.change(w, r, "pin", func(name string) bool { return s.config.Contents.Pin(name, pinned) }, "pinned", pinned)
	}
}

// removeContent forgets a content or one object of it. Clients that read it now go on.
func (s *Server) removeContent(w http.ResponseWriter, r *http.Request) error {
	return s.change(w, r, "remove", s.config.Contents.Remove)
}

// change does something to every object that the path names: a content means all of its objects.
func (s *Server) change(w http.ResponseWriter, r *http.Request, what string, do func(name string) bool, attrs ...any) error {
	name, err := pathValue(r, "name")
	if err != nil {
		return err
	}
	done := changed{}
	for _, object := range s.objectsOf(name) {
		if do(object) {
			done.Objects++
		}
	}
	if done.Objects == 0 {
		return errNotStored()
	}
	s.log.Info("contents were changed", append([]any{"change", what, "name", name, "objects", done.Objects}, attrs...)...)
	return writeJSON(w, http.StatusOK, done)
}

// objectsOf returns the names of the objects that a name means, in no order.
func (s *Server) objectsOf(name string) []string {
	return slices.DeleteFunc(s.config.Contents.Names(), func(object string) bool { return !means(name, object) })
}

// means tells whether a name in a path means an object: it is the object's own, or that of its content.
func means(name, object string) bool { return name == object || name == contentOf(object) }

func errNotStored() error {
	return &failure{http.StatusNotFound, "nothing of this name is stored; /api/v1/contents lists what is"}
}

// pathValue returns a part of the path. Slashes within it are written as %2F.
func pathValue(r *http.Request, key string) (string, error) {
	value := chi.URLParam(r, key)
	if r.URL.RawPath == "" {
		return value, nil // decoded already
	}
	value, err := url.PathUnescape(value)
	if err != nil {
		return "", &failure{http.StatusBadRequest, "the path has a broken percent-escape"}
	}
	return value, nil
}
