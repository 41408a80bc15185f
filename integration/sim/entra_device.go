package sim

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// deviceCode is a login that waits for somebody to enter a code elsewhere. The tenant's mu guards it.
type deviceCode struct {
	delegation // user is empty until it is approved

	userCode string
	ends     time.Time
	declined bool
}

// serveDeviceCode starts the device code flow (RFC 8628).
func (e *Entra) serveDeviceCode(w *recorder, r *http.Request) {
	form, no := readForm(w, r)
	var app EntraApp
	if no.status == 0 {
		app, no = e.app(form.Get("client_id"))
	}
	if no.status == 0 && !app.Public {
		no = entraError{http.StatusUnauthorized, "invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	}
	var asked scope
	if no.status == 0 {
		asked, no = e.understandScope(form.Get("scope"))
	}
	if no.status != 0 {
		no.refuse(w)
		return
	}
	c := &deviceCode{
		delegation: delegation{clientID: app.ClientID, resource: asked.resource, scope: form.Get("scope"), openID: asked.openID, offline: asked.offline},
		userCode:   rand.Text()[:9],
		ends:       e.config.Now().Add(e.config.CodeLife),
	}
	code := newGUID()
	e.mu.Lock()
	e.codes[code] = c
	e.mu.Unlock()
	place := e.URL("https") + "/device"
	e.send(w, r, map[string]any{
		"user_code": c.userCode, "device_code": code, "verification_uri": place, "expires_in": int(e.config.CodeLife / time.Second), "interval": 1,
		"message": fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.", place, c.userCode),
	})
}

// byDeviceCode answers an application that asks whether somebody has entered the code.
func (e *Entra) byDeviceCode(form url.Values) (map[string]any, entraError) {
	app, no := e.app(form.Get("client_id"))
	if no.status != 0 {
		return nil, no
	}
	d, no := e.redeem(app, form.Get("device_code"))
	if no.status != 0 {
		return nil, no
	}
	return e.grant(app, d, grantDeviceCode)
}

// redeem takes a code that was approved; it is worth nothing after that.
func (e *Entra) redeem(app EntraApp, code string) (delegation, entraError) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.codes[code]
	switch {
	case c == nil || c.clientID != app.ClientID:
		return delegation{}, entraError{http.StatusBadRequest, "bad_verification_code", 70018, "Invalid verification code."}
	case c.declined:
		return delegation{}, entraError{http.StatusBadRequest, "authorization_declined", 70017, "Authorization was declined."}
	case !e.config.Now().Before(c.ends):
		return delegation{}, entraError{http.StatusBadRequest, "expired_token", 70020, "The provided value for the input parameter 'device_code' is not valid. This device code has expired."}
	case c.user == "":
		return delegation{}, entraError{http.StatusBadRequest, "authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling."}
	}
	delete(e.codes, code)
	return c.delegation, entraError{}
}

// byRefreshToken renews what somebody has signed in for.
func (e *Entra) byRefreshToken(form url.Values) (map[string]any, entraError) {
	app, no := e.app(form.Get("client_id"))
	if no.status != 0 {
		return nil, no
	}
	e.mu.Lock()
	d, known := e.refresh[form.Get("refresh_token")]
	e.mu.Unlock()
	if !known || d.clientID != app.ClientID {
		return nil, entraError{http.StatusBadRequest, "invalid_grant", 700082, "The refresh token has expired or was revoked."}
	}
	if !app.Public {
		if no = e.authenticate(app, form); no.status != 0 {
			return nil, no
		}
	}
	return e.grant(app, d, grantRefresh)
}

// Waiting lists the user codes that nobody has entered yet.
func (e *Entra) Waiting() (codes []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.codes {
		if c.user == "" && !c.declined {
			codes = append(codes, c.userCode)
		}
	}
	slices.Sort(codes)
	return codes
}

// Approve enters a user code, as somebody who signs in as a user, like "ann@example.org".
func (e *Entra) Approve(userCode, user string) error {
	if user == "" {
		return fmt.Errorf("approve a device code at %q: nobody signs in", e.config.Name)
	}
	return e.decide(userCode, func(c *deviceCode) { c.user = user })
}

// Decline enters a user code and says no.
func (e *Entra) Decline(userCode string) error {
	return e.decide(userCode, func(c *deviceCode) { c.declined = true })
}

func (e *Entra) decide(userCode string, change func(*deviceCode)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.codes {
		if strings.EqualFold(c.userCode, userCode) && c.user == "" && !c.declined {
			change(c)
			return nil
		}
	}
	return fmt.Errorf("enter a device code at %q: nobody waits for it", e.config.Name)
}

// SignOut makes the refresh tokens of a user worthless, as revoking the sessions does.
func (e *Entra) SignOut(user string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for token, d := range e.refresh {
		if strings.EqualFold(d.user, user) {
			delete(e.refresh, token)
		}
	}
}
