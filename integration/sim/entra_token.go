package sim

import (
	"crypto/hmac"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The grants, as EntraToken names them.
const (
	grantCredentials = "client_credentials"
	grantDeviceCode  = "device_code" // as Microsoft's library has it; RFC 8628 has a longer name
	grantRefresh     = "refresh_token"
	grantManaged     = "managed_identity"
)

const maxForm = 64 << 10

// serveToken is the token endpoint (RFC 6749 section 3.2).
func (e *Entra) serveToken(w *recorder, r *http.Request) {
	form, no := readForm(w, r)
	var answer map[string]any
	if no.status == 0 {
		switch form.Get("grant_type") {
		case grantCredentials:
			answer, no = e.byCredentials(form)
		case grantDeviceCode, "urn:ietf:params:oauth:grant-type:device_code":
			answer, no = e.byDeviceCode(form)
		case grantRefresh:
			answer, no = e.byRefreshToken(form)
		default:
			no = entraError{http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."}
		}
	}
	if no.status != 0 {
		no.refuse(w)
		return
	}
	e.send(w, r, answer)
}

// readForm reads the parameters of a request, with those that HTTP Basic authentication carries.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, entraError) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if err := r.ParseForm(); err != nil || !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return nil, entraError{http.StatusBadRequest, "invalid_request", 900144, "The request body must be a form."}
	}
	if id, secret, ok := r.BasicAuth(); ok {
		for name, text := range map[string]string{"client_id": id, "client_secret": secret} {
			if plain, err := url.QueryUnescape(text); err == nil {
				r.PostForm.Set(name, plain)
			}
		}
	}
	return r.PostForm, entraError{}
}

// byCredentials is the grant of applications that have a secret or a certificate.
func (e *Entra) byCredentials(form url.Values) (map[string]any, entraError) {
	app, no := e.app(form.Get("client_id"))
	if no.status != 0 {
		return nil, no
	}
	if no = e.authenticate(app, form); no.status != 0 {
		return nil, no
	}
	asked, no := e.understandScope(form.Get("scope"))
	if no.status != 0 {
		return nil, no
	}
	if !slices.Equal(asked.names, []string{".default"}) {
		return nil, entraError{http.StatusBadRequest, "invalid_scope", 1002012,
			"The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier."}
	}
	return e.grant(app, delegation{resource: asked.resource}, grantCredentials)
}

// authenticate checks who an application is.
func (e *Entra) authenticate(app EntraApp, form url.Values) entraError {
	secret, assertion := form.Get("client_secret"), form.Get("client_assertion")
	switch {
	case assertion != "" && form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
		return entraError{http.StatusBadRequest, "invalid_request", 900144, "The client assertion type is not supported."}
	case assertion != "":
		if err := e.checkAssertion(app, assertion); err != nil {
			return entraError{http.StatusUnauthorized, "invalid_client", 700027, "The client assertion is not valid: " + err.Error() + "."}
		}
		return entraError{}
	case secret == "":
		return entraError{http.StatusUnauthorized, "invalid_client", 7000218,
			"The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	case app.Secret.Empty() || !hmac.Equal([]byte(secret), []byte(app.Secret.Reveal())):
		return entraError{http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided."}
	}
	return entraError{}
}

// scope is what a token is asked for.
type scope struct {
	resource        string
	names           []string // in the resource, such as ".default"
	openID, offline bool     // an ID token, and a refresh token, are asked for
}

// understandScope reads names with blanks between them, which begin with the resource.
func (e *Entra) understandScope(text string) (s scope, no entraError) {
	for _, word := range strings.Fields(text) {
		switch word {
		case "openid":
			s.openID = true
			continue
		case "offline_access":
			s.offline = true
			continue
		case "profile", "email":
			continue
		}
		i := strings.LastIndex(word, "/")
		if i < 0 || s.resource != "" && s.resource != word[:i] {
			return s, entraError{http.StatusBadRequest, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid."}
		}
		s.resource = word[:i]
		s.names = append(s.names, word[i+1:])
	}
	if s.resource == "" {
		return s, entraError{http.StatusBadRequest, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid."}
	}
	return s, e.checkResource(s.resource)
}

func (e *Entra) checkResource(resource string) entraError {
	if slices.Contains(e.config.Resources, resource) {
		return entraError{}
	}
	return entraError{http.StatusBadRequest, "invalid_resource", 500011, "The resource principal was not found in the tenant."}
}
