// Package admin is how an administrator sees and steers a running Branchpoint: a JSON API, metrics and health checks over
// HTTP.
//
// It has no TLS and answers on loopback only. Reading shows no secret, and so whoever is on this machine may: tokens appear
// as fingerprints. Changing anything needs the admin token. Errors are problem details (RFC 9457).
package admin

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/site"
)

// Store is the cache as a whole.
type Store interface {
	Status() cache.Status
	// Scrub compares everything on disk with its checksum. It rests for pause after each slice.
	Scrub(pause time.Duration) (compared, bad int)
}

// Contents is what the cache holds.
type Contents interface {
	// Names returns the names of all objects, each once, in no order. The caller may change the list.
	Names() []string
	// Generations returns every generation of one object; none when there is no such object.
	Generations(name string) []cache.Object
	// Pin and Remove act on an object by its name; false means that there is none.
	Pin(name string, pinned bool) bool
	Remove(name string) bool
}

// Upstreams are the distribution points.
type Upstreams interface {
	Status() []upstream.LocationStatus
}

// Tokens are what distribution points ask for.
type Tokens interface {
	Status() []tokenbroker.TokenStatus
	// Set hands in a token. Its error never holds the secret.
	Set(audience, secret string, expires time.Time) error
}

// Listener is one address that clients talk to.
type Listener struct {
	Name string `json:"name"`
	// Kind is what the listener is to its clients: forward, gateway or transparent.
	Kind string `json:"kind"`
	// Address is host:port, as it was bound.
	Address string `json:"address"`
	// URL is what the settings of clients say; empty when they have none, as those of a transparent listener.
	URL string `json:"url,omitempty"`
	// Gateway is the URL of the distribution point that a gateway stands for.
	Gateway string `json:"gateway,omitempty"`
	// Entitlement is how clients show that they may have a content: machine, origin or network.
	Entitlement string `json:"entitlement"`
	// Up says that it takes clients. It does not before the program is ready, nor when it shuts down.
	Up bool `json:"up"`
}

// Config is what a Server is made of. Everything but Logger, Precache and Site must be set.
type Config struct {
	// Version of the program, for people.
	Version string
	// Token is asked of whoever changes something.
	Token Token
	// Listeners returns the addresses that clients talk to, as they are now.
	Listeners func() []Listener
	Store     Store
	Contents  Contents
	Upstreams Upstreams
	Tokens    Tokens
	Learned   Learned
	// Precache fetches contents beforehand. Nil: nobody does, and who asks is told so.
	Precache Precache
	// Site tells how the site of this machine is doing. Nil: it has none.
	Site func() site.Status
	// Interception tells what becomes of HTTPS to hosts of ours.
	Interception func() proxy.Interception
	// Reload reads the configuration again. An error that is Rejected is told; then nothing has changed.
	Reload func() (Reloaded, error)
	// Registry holds the metrics of the program. New adds those of the process and of Go.
	Registry *prometheus.Registry
	// Background runs what goes on after its request, such as a scrub, and is waited for by its owner. It must not block.
	Background func(func())
	// Logger takes changes and failures. Nil means silence.
	Logger *slog.Logger
}

func (c *Config) validate() error {
	switch {
	case c.Version == "":
		return errors.New("admin: a version is needed")
	case !c.Token.set():
		return errors.New("admin: a token is needed")
	case c.Listeners == nil || c.Store == nil || c.Contents == nil || c.Upstreams == nil || c.Tokens == nil || c.Learned == nil || c.Interception == nil || c.Reload == nil:
		return errors.New("admin: listeners, store, contents, upstreams, tokens, what was learned, interception and a reload are needed")
	case c.Registry == nil || c.Background == nil:
		return errors.New("admin: a registry, and somebody who runs background work, are needed")
	}
	return nil
}

// Server answers administrators.
type Server struct {
	config  Config
	log     *slog.Logger
	started time.Time
	handler http.Handler
	scrub   scrub
}

// New makes a Server and adds its metrics to config.Registry.
func New(config Config) (*Server, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: config, log: config.Logger, started: time.Now()}
	if err := s.registerMetrics(); err != nil {
		return nil, fmt.Errorf("admin: registering metrics: %w", err)
	}
	s.handler = s.routes()
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }
