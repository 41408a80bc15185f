package sim

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// ServeHTTP answers over https as the tenant, and over http as the metadata endpoints of an Azure resource.
func (e *Entra) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.serve(w, r, e.answer) }

func (e *Entra) answer(w *recorder, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store, no-cache")
	if e.sufferEarly(w, r) {
		return
	}
	if r.TLS == nil {
		e.serveIdentity(w, r)
		return
	}
	path := strings.ToLower(r.URL.Path)
	if path == "/common/discovery/instance" {
		e.serveInstance(w, r)
		return
	}
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	route, known := map[string]struct {
		method string
		answer func(*recorder, *http.Request)
	}{
		"v2.0/.well-known/openid-configuration": {http.MethodGet, e.serveDiscovery},
		"discovery/v2.0/keys":                   {http.MethodGet, e.serveKeys},
		"oauth2/v2.0/token":                     {http.MethodPost, e.serveToken},
		"oauth2/v2.0/devicecode":                {http.MethodPost, e.serveDeviceCode},
	}[rest]
	switch {
	case !known:
		entraError{http.StatusNotFound, "invalid_request", 900561, "There is no such endpoint."}.refuse(w)
	case tenant != e.config.Tenant:
		entraError{http.StatusBadRequest, "invalid_tenant", 90002, "Tenant was not found."}.refuse(w)
	case r.Method != route.method:
		entraError{http.StatusMethodNotAllowed, "invalid_request", 900561, "The endpoint only accepts " + route.method + " requests."}.refuse(w)
	default:
		route.answer(w, r)
	}
}

// send answers with JSON, which the faults of bodies may strike.
func (e *Entra) send(w *recorder, r *http.Request, document any) {
	text, err := json.Marshal(document)
	if err != nil { // texts and numbers always go into JSON
		w.fail(http.StatusInternalServerError, 0)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	e.sendBytes(w, r, "entra", text)
}

// serveInstance says whether a host is one of Entra's ("instance discovery"). It knows itself only.
func (e *Entra) serveInstance(w *recorder, r *http.Request) {
	own, err := url.Parse(e.URL("https"))
	asked, err2 := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	if err != nil || err2 != nil || !strings.EqualFold(own.Host, asked.Host) {
		entraError{http.StatusBadRequest, "invalid_instance", 50049, "Unknown or invalid instance."}.refuse(w)
		return
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(asked.Path, "/"), "/")
	e.send(w, r, map[string]any{
		"tenant_discovery_endpoint": e.URL("https") + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata":                  []any{map[string]any{"preferred_network": own.Host, "preferred_cache": own.Host, "aliases": []string{own.Host}}},
	})
}

// tokenEndpoint is the audience of assertions too.
func (e *Entra) tokenEndpoint() string { return e.Authority() + "/oauth2/v2.0/token" }

func (e *Entra) serveDiscovery(w *recorder, r *http.Request) {
	base := e.Authority()
	e.send(w, r, map[string]any{
		"issuer":                                base + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        e.tokenEndpoint(),
		"device_authorization_endpoint":         base + "/oauth2/v2.0/devicecode",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

// serveKeys tells the key that verifies tokens (RFC 7517).
func (e *Entra) serveKeys(w *recorder, r *http.Request) {
	key := e.signer.public()
	exponent := binary.BigEndian.AppendUint32(nil, uint32(key.E))
	e.send(w, r, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "kid": e.signer.x5t, "x5t": e.signer.x5t,
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(exponent[1:]), // 65537 has three bytes
	}}})
}
