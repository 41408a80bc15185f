package admin

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// routes is the whole API.
func (s *Server) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(s.survivePanics, secureHeaders, s.checkHost, middleware.GetHead)
	r.NotFound(s.handle(func(http.ResponseWriter, *http.Request) error {
		return &failure{http.StatusNotFound, "there is nothing under this path"}
	}))
	r.MethodNotAllowed(s.handle(methodNotAllowed))

	r.Get("/healthz", s.serveHealth)
	r.Get("/readyz", s.handle(s.serveReady))
	r.Method(http.MethodGet, "/metrics", s.metricsHandler())
	r.Get("/api/v1/status", s.handle(s.serveStatus))
	r.Get("/api/v1/contents", s.handle(s.serveContents))
	r.Get("/api/v1/contents/{name}", s.handle(s.serveContent))
	r.Get("/api/v1/upstreams", s.handle(s.serveUpstreams))
	r.Get("/api/v1/tokens", s.handle(s.serveTokens))
	r.Get("/api/v1/learned", s.handle(s.serveLearned))
	r.Get("/api/v1/precache", s.handle(s.servePrecaches))
	r.Get("/api/v1/precache/{id}", s.handle(s.servePrecache))
	r.Group(func(r chi.Router) {
		r.Use(s.requireToken)
		r.Put("/api/v1/tokens/{audience}", s.handle(s.setToken))
		r.Put("/api/v1/contents/{name}/pin", s.handle(s.pinContent(true)))
		r.Delete("/api/v1/contents/{name}/pin", s.handle(s.pinContent(false)))
		r.Delete("/api/v1/contents/{name}", s.handle(s.removeContent))
		r.Delete("/api/v1/learned", s.handle(s.forgetLearned))
		r.Post("/api/v1/precache", s.handle(s.startPrecache))
		r.Delete("/api/v1/precache/{id}", s.handle(s.cancelPrecache))
		r.Post("/api/v1/scrub", s.handle(s.startScrub))
		r.Post("/api/v1/reload", s.handle(s.reload))
	})
	return r
}

// methodNotAllowed tells which methods the path does take, as RFC 9110 section 15.5.6 wants it.
func methodNotAllowed(w http.ResponseWriter, r *http.Request) error {
	routes := chi.RouteContext(r.Context()).Routes
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete} {
		if routes.Match(chi.NewRouteContext(), method, r.URL.EscapedPath()) {
			w.Header().Add("Allow", method)
		}
	}
	return &failure{http.StatusMethodNotAllowed, "this path does not take this method; Allow names those that it takes"}
}
