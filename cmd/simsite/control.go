package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"branchpoint/integration/sim"
)

// control is a small HTTP endpoint on loopback that makes servers misbehave while the site runs.
type control struct {
	site   *sim.Site
	ln     net.Listener
	server *http.Server
	done   chan error
}

// startControl listens on a loopback address, or on a socket in the file system, which can be reached from other network
// namespaces. It serves until close.
func startControl(addr string, site *sim.Site) (*control, error) {
	network := "tcp"
	if path, isUnix := strings.CutPrefix(addr, "unix:"); isUnix {
		network, addr = "unix", path
	} else if host, _, err := net.SplitHostPort(addr); err != nil || !net.ParseIP(host).IsLoopback() {
		return nil, fmt.Errorf("control address %q is not a loopback address with a port", addr)
	}
	ln, err := net.Listen(network, addr)
	if err != nil {
		return nil, fmt.Errorf("listen for control: %w", err)
	}
	c := &control{site: site, ln: ln, done: make(chan error, 1)}
	c.server = &http.Server{Handler: c.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { c.done <- c.server.Serve(ln) }()
	return c, nil
}

// url is where the endpoint is; a socket has none but its path.
func (c *control) url() string {
	if c.ln.Addr().Network() == "unix" {
		return "unix:" + c.ln.Addr().String()
	}
	return "http://" + c.ln.Addr().String()
}

// close ends the server and waits for it.
func (c *control) close() error {
	err := c.server.Close()
	if served := <-c.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func (c *control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", c.status)
	mux.HandleFunc("GET /requests", c.requests)
	mux.HandleFunc("POST /reset", needJSON(func(w http.ResponseWriter, _ *http.Request) {
		c.site.Counters.Reset()
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.HandleFunc("POST /cloud/location", needJSON(c.locate))
	mux.HandleFunc("POST /dp/{name}/faults", c.change(inject))
	mux.HandleFunc("DELETE /dp/{name}/faults", c.change(func(_ *http.Request, s server) error { s.faults.Clear(); return nil }))
	mux.HandleFunc("POST /dp/{name}/kill", c.change(func(_ *http.Request, s server) error { s.Kill(); return nil }))
	mux.HandleFunc("POST /dp/{name}/revive", c.change(func(r *http.Request, s server) error { return s.Revive(r.Context()) }))
	mux.HandleFunc("POST /dp/{name}/certificate", c.change(certify))
	c.mpRoutes(mux)
	c.cmgRoutes(mux)
	c.entraRoutes(mux)
	return mux
}

// needJSON wraps what changes something. The content type is demanded because a web page cannot send it to another origin
// unasked: no page that the operator visits can control the site.
func needJSON(change http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/json" {
			http.Error(w, "changes need Content-Type: application/json", http.StatusUnsupportedMediaType)
			return
		}
		change(w, r)
	}
}

// status shows what was sent so far.
func (c *control) status(w http.ResponseWriter, _ *http.Request) {
	n := c.site.Counters
	said := map[string]any{
		"requests":      n.Requests(""),
		"bytes":         n.Bytes(),
		"bytes_twice":   n.Overlap(""),
		"bytes_by_dp":   n.BytesBy(),
		"bytes_of_file": n.BytesOf(),
		"tokens_shown":  c.site.Tokens.Used(),
	}
	if mp := c.site.ManagementPoint; mp != nil {
		said["mp_requests"], said["tokens_issued"] = mp.Tally.Requests(sim.MPRequest{}), mp.Tally.Tokens(sim.MPToken{})
	}
	if g := c.site.Gateway; g != nil {
		said["cmg_requests"] = g.Requests(sim.GatewayRequest{})
	}
	if s := c.site.TokenService; s != nil {
		said["ccm_tokens_issued"] = s.Issued("")
	}
	if e := c.site.Entra; e != nil {
		said["entra_tokens_issued"] = e.Tokens(sim.EntraToken{})
	}
	answer(w, said)
}

// requests shows the newest requests to all DPs, oldest first.
func (c *control) requests(w http.ResponseWriter, _ *http.Request) { answer(w, c.site.Log.Entries()) }

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		panic(http.ErrAbortHandler) // the reader has gone, or must not take a part for the whole
	}
}
