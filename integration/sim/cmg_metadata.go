package sim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// MetadataForm is how a gateway writes what it tells about itself.
type MetadataForm uint8

const (
	// MetadataJSON is an object.
	MetadataJSON MetadataForm = iota
	// MetadataXML is an element with others in it.
	MetadataXML
	metadataForms = iota
)

// tell answers what needs no authentication and no management point: AADAuthInfo, which says how to get a token of Entra, and
// ServiceMetadata (client logs). Public are the paths and two names in the first; the rest is made up.
func (g *Gateway) tell(w *recorder, r *http.Request, auth gatewayAuth, what string) {
	switch what = strings.ToLower(strings.Trim(what, "/")); {
	case what != "aadauthinfo" && what != "servicemetadata", what == "aadauthinfo" && auth != serverAuth:
		w.fail(http.StatusForbidden, 0)
	case r.Method != http.MethodGet:
		w.fail(http.StatusMethodNotAllowed, 0)
	case what == "servicemetadata":
		g.sendMetadata(w, r, "ServiceMetadata", g.metadata(auth))
	case g.config.Tenant == "" || !strings.EqualFold(tenantOf(r), g.config.Tenant):
		w.fail(http.StatusNotFound, 0)
	default:
		g.sendMetadata(w, r, "AADAuthInfo", []xmlAttr{{"AADCLIENTAPPID", g.config.ClientApp}, {"AADRESOURCEURI", EntraResource}})
	}
}

// tenantOf is the tenant in a query, whatever the letter case of the parameter.
func tenantOf(r *http.Request) string {
	for name, values := range r.URL.Query() {
		if strings.EqualFold(name, "TenantID") {
			return values[0]
		}
	}
	return ""
}

func (g *Gateway) metadata(auth gatewayAuth) []xmlAttr {
	var ids []uint64
	for id := range g.config.ManagementPoints {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	list := []xmlAttr{{"ServiceName", g.setup.host}, {"ContentEnabled", strconv.FormatBool(g.Content != nil)}}
	for _, id := range ids {
		base := g.MutualAuth(id)
		if auth == serverAuth {
			base = g.ServerAuth(id)
		}
		list = append(list, xmlAttr{"ManagementPoint", base})
	}
	return list
}

func (g *Gateway) sendMetadata(w *recorder, r *http.Request, name string, values []xmlAttr) {
	if g.config.Form == MetadataXML {
		root := node(name)
		for _, v := range values {
			root.with(leaf(v.name, v.value))
		}
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		g.sendBytes(w, r, name, []byte(root.String()))
		return
	}
	object := map[string][]string{}
	for _, v := range values {
		object[v.name] = append(object[v.name], v.value)
	}
	plain := map[string]any{}
	for key, list := range object {
		plain[key] = list[0]
		if len(list) > 1 || key == "ManagementPoint" {
			plain[key] = list
		}
	}
	text, err := json.Marshal(plain)
	if err != nil { // texts always go into JSON
		w.fail(http.StatusInternalServerError, 0)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	g.sendBytes(w, r, name, text)
}
