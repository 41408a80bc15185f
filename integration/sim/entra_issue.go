package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// delegation is for whom, and for what, an application has tokens.
type delegation struct {
	clientID string
	user     string // who has signed in; empty: the application itself
	resource string
	scope    string // as it was asked for
	openID   bool
	offline  bool
}

// grant issues an access token, and what goes with it when somebody has signed in.
func (e *Entra) grant(app EntraApp, d delegation, by string) (map[string]any, entraError) {
	token, life, err := e.access(app, d)
	if err != nil {
		return nil, entraError{http.StatusInternalServerError, "server_error", 90033, "A transient error has occurred."}
	}
	answer := map[string]any{"token_type": "Bearer", "access_token": token.Reveal(), "expires_in": int(life / time.Second), "ext_expires_in": int(life / time.Second)}
	if d.user != "" {
		if err := e.delegate(answer, app, d); err != nil {
			return nil, entraError{http.StatusInternalServerError, "server_error", 90033, "A transient error has occurred."}
		}
	}
	e.counts.add(EntraToken{ClientID: app.ClientID, Grant: by})
	return answer, entraError{}
}

// access makes an access token, in the first version of their form, which resources have that did not ask for the second
// (learn.microsoft.com "Access token claims reference").
func (e *Entra) access(app EntraApp, d delegation) (Secret, time.Duration, error) {
	e.mu.Lock()
	life := e.life
	e.mu.Unlock()
	now := e.config.Now()
	claims := map[string]any{
		"aud": d.resource, "iss": e.tokenIssuer(), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(life).Unix(),
		"appid": app.ClientID, "tid": e.config.Tenant, "oid": app.ObjectID, "sub": app.ObjectID, "idtyp": "app", "ver": "1.0", "uti": newGUID(),
	}
	if app.DeviceID != "" {
		claims["deviceid"] = app.DeviceID
	}
	if d.user != "" {
		claims["idtyp"], claims["upn"], claims["oid"], claims["sub"] = "user", d.user, guidOf(d.user), guidOf(d.user)
		claims["scp"] = "user_impersonation"
	}
	token, err := e.signer.sign(claims)
	return token, life, err
}

func (e *Entra) tokenIssuer() string { return "https://sts.windows.net/" + e.config.Tenant + "/" }

// delegate adds what an application gets besides when a user has signed in.
func (e *Entra) delegate(answer map[string]any, app EntraApp, d delegation) error {
	answer["scope"] = d.scope
	if d.offline {
		token := NewSecret(newGUID() + newGUID())
		e.mu.Lock()
		e.refresh[token.Reveal()] = d
		e.mu.Unlock()
		answer["refresh_token"] = token.Reveal()
	}
	if !d.openID {
		return nil
	}
	now := e.config.Now()
	id, err := e.signer.sign(map[string]any{
		"aud": app.ClientID, "iss": e.Authority() + "/v2.0", "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"oid": guidOf(d.user), "sub": guidOf(d.user + app.ClientID), "tid": e.config.Tenant, "preferred_username": d.user, "ver": "2.0",
	})
	if err != nil {
		return err
	}
	info, err := json.Marshal(map[string]string{"uid": guidOf(d.user), "utid": e.config.Tenant})
	if err != nil {
		return err
	}
	answer["id_token"], answer["client_info"] = id.Reveal(), base64.RawURLEncoding.EncodeToString(info)
	return nil
}

// guidOf is a GUID that belongs to a text, always the same.
func guidOf(text string) string {
	b := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// Issue makes an access token for an application and the first of the resources, as if it had asked for one. It is not counted.
func (e *Entra) Issue(clientID string) (Secret, error) {
	app, no := e.app(clientID)
	if no.status != 0 {
		return Secret{}, fmt.Errorf("issue a token at %q: %s", e.config.Name, no.text)
	}
	token, _, err := e.access(app, delegation{resource: e.config.Resources[0]})
	return token, err
}

// verify says why an access token is not good for an audience at a time.
func (e *Entra) verify(t jwt, audience string, now time.Time, tolerance time.Duration) error {
	if err := t.verify(e.signer.public(), false); err != nil {
		return err
	}
	e.mu.Lock()
	off := e.off[strings.ToLower(t.text("appid"))]
	e.mu.Unlock()
	switch {
	case t.text("iss") != e.tokenIssuer() || t.text("tid") != e.config.Tenant:
		return errors.New("it is of another tenant")
	case t.text("aud") != audience:
		return errors.New("it is for another audience")
	case off:
		return errors.New("it is revoked")
	}
	return t.inForce(now, tolerance)
}
