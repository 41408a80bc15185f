package sim

import (
	"crypto/hmac"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The endpoints of managed identities. The first is that of the instance metadata service; App Service tells its own in
// IDENTITY_ENDPOINT.
const (
	metadataPath   = "/metadata/identity/oauth2/token"
	appServicePath = "/msi/token"
)

// IdentityEndpoint is what App Service says in IDENTITY_ENDPOINT, and IDENTITY_HEADER. Empty without an HTTPAddr.
func (e *Entra) IdentityEndpoint() (address string, header Secret) {
	base := e.URL("http")
	if base == "" {
		return "", Secret{}
	}
	return base + appServicePath, e.config.IdentityHeader
}

// serveIdentity answers an Azure resource that asks for a token of its identity.
func (e *Entra) serveIdentity(w *recorder, r *http.Request) {
	status, why, header := 0, "", r.Header.Get("X-Identity-Header")
	switch path := strings.ToLower(r.URL.Path); {
	case path != metadataPath && path != appServicePath:
		status, why = http.StatusNotFound, "There is no such endpoint"
	case r.Method != http.MethodGet:
		status, why = http.StatusMethodNotAllowed, "Method not allowed"
	case path == metadataPath && !strings.EqualFold(r.Header.Get("Metadata"), "true"):
		status, why = http.StatusBadRequest, "Required metadata header not specified"
	case path == metadataPath && r.Header.Get("X-Forwarded-For") != "":
		status, why = http.StatusBadRequest, "The request was forwarded"
	case path == appServicePath && !hmac.Equal([]byte(header), []byte(e.config.IdentityHeader.Reveal())):
		status, why = http.StatusUnauthorized, "The identity header is not right"
	case r.URL.Query().Get("api-version") == "":
		status, why = http.StatusBadRequest, "Required query variable 'api-version' is missing"
	}
	if status == 0 {
		e.issueIdentity(w, r)
		return
	}
	refuseIdentity(w, status, "invalid_request", why)
}

func (e *Entra) issueIdentity(w *recorder, r *http.Request) {
	query := r.URL.Query()
	resource := query.Get("resource")
	if e.checkResource(resource).status != 0 {
		refuseIdentity(w, http.StatusBadRequest, "invalid_resource", "AADSTS500011: The resource principal was not found in the tenant")
		return
	}
	app, found := e.identity(query)
	if !found {
		refuseIdentity(w, http.StatusBadRequest, "invalid_request", "Identity not found")
		return
	}
	token, life, err := e.access(app, delegation{resource: resource})
	if err != nil {
		w.fail(http.StatusInternalServerError, 0)
		return
	}
	e.counts.add(EntraToken{ClientID: app.ClientID, Grant: grantManaged})
	now := e.config.Now()
	unix := func(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
	e.send(w, r, map[string]any{
		"access_token": token.Reveal(), "client_id": app.ClientID, "resource": resource, "token_type": "Bearer",
		"expires_in": fmt.Sprint(int(life / time.Second)), "expires_on": unix(now.Add(life)), "not_before": unix(now),
	})
}

// identity is the one that a query names, or that of the resource itself when it names none.
func (e *Entra) identity(query url.Values) (EntraApp, bool) {
	client, object := query.Get("client_id"), query.Get("object_id")
	if object == "" {
		object = query.Get("principal_id")
	}
	if query.Has("msi_res_id") || query.Has("mi_res_id") {
		return EntraApp{}, false // resources of Azure are not simulated
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, app := range e.apps {
		system := client == "" && object == "" && app.Managed == SystemAssigned
		named := client != "" && strings.EqualFold(client, id) || object != "" && strings.EqualFold(object, app.ObjectID)
		if !e.off[id] && (system || named && app.Managed != NotManaged) {
			return app, true
		}
	}
	return EntraApp{}, false
}

// refuseIdentity answers with an error of the metadata service.
func refuseIdentity(w *recorder, status int, code, text string) {
	page, err := json.Marshal(map[string]string{"error": code, "error_description": text})
	if err != nil { // texts always go into JSON
		page = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(len(page)))
	w.WriteHeader(status)
	_, _ = w.Write(page) // the log has noted it
}
