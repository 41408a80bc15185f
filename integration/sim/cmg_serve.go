package sim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ServeHTTP answers a request from the internet.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.serve(w, r, g.answer) }

// gatewayAuth is how a directory of a gateway authenticates clients.
type gatewayAuth uint8

const (
	mutualAuth gatewayAuth = iota // a TLS client certificate
	serverAuth                    // a CCM token
)

// gatewayCall is a request for a management point, understood.
type gatewayCall struct {
	auth gatewayAuth
	to   BehindGateway
	path string // at the management point
}

// first is the virtual directory at the management point, in lower case.
func (c gatewayCall) first() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(c.path, "/"), "/")
	return strings.ToLower(name)
}

func (g *Gateway) answer(w *recorder, r *http.Request) {
	if strings.EqualFold(r.URL.Path, manifestPath) {
		w.entry.Query = "" // it is a secret
	}
	if g.sufferEarly(w, r) {
		return
	}
	if g.Content != nil && strings.EqualFold(r.URL.Path, manifestPath) {
		g.Content.ServeHTTP(w, r)
		return
	}
	auth, rest, ok := gatewayDirectory(r.URL.Path)
	if !ok {
		w.fail(http.StatusNotFound, 0)
		return
	}
	number, path, _ := strings.Cut(rest, "/")
	id, err := strconv.ParseUint(number, 10, 64)
	switch mp, known := g.config.ManagementPoints[id]; {
	case err != nil:
		g.tell(w, r, auth, rest)
	case !known:
		w.fail(http.StatusNotFound, 0)
	default:
		g.pass(w, r, gatewayCall{auth: auth, to: mp, path: "/" + path})
	}
}

// gatewayDirectory understands the first segment of a path, in any letter case.
func gatewayDirectory(path string) (auth gatewayAuth, rest string, ok bool) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	i := slices.Index([]string{"ccm_proxy_mutualauth", "ccm_proxy_serverauth"}, strings.ToLower(first))
	return gatewayAuth(max(i, 0)), rest, i >= 0
}

// pass lets a request through to a management point, if it and its client are allowed to.
func (g *Gateway) pass(w *recorder, r *http.Request, c gatewayCall) {
	done := GatewayRequest{Auth: c.auth.String(), Directory: c.first()}
	if status := g.filter(r, c); status != http.StatusOK {
		g.count(done, status)
		w.fail(status, 0)
		return
	}
	var no GatewayRefusal
	if done.Client, no = g.authenticate(r, c); no != 0 {
		g.refuse(w, done, no)
		return
	}
	w.entry.User = done.Client
	g.connect(w, r, c, done)
}

// count notes a request, before it is answered: who has the answer finds it counted.
func (g *Gateway) count(done GatewayRequest, status int) {
	done.Status = status
	g.counts.add(done)
}

// refuse answers with words of the gateway.
func (g *Gateway) refuse(w *recorder, done GatewayRequest, no GatewayRefusal) {
	status, substatus := no.status()
	g.count(done, status)
	w.failSaying(status, substatus, no.String())
}

// filter is what a gateway lets through at all. That it filters URLs and checks lengths is public (memdocs "cmg-data-flow"),
// but not by which rules.
func (g *Gateway) filter(r *http.Request, c gatewayCall) int {
	switch {
	case !slices.Contains([]string{"ccm_system", "ccm_system_tokenauth", "sms_mp", "ccm_sts"}, c.first()):
		return http.StatusForbidden
	case !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, "CCM_POST"}, r.Method):
		return http.StatusMethodNotAllowed
	case r.ContentLength < 0:
		return http.StatusLengthRequired
	case r.ContentLength > g.config.MaxBody:
		return http.StatusRequestEntityTooLarge
	case strings.Contains(c.path, ".."), strings.Contains(c.path, "//"):
		return http.StatusForbidden
	}
	return http.StatusOK
}
