package sim

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"strings"
)

// ManagedIdentity says whether an application is the identity of an Azure resource.
type ManagedIdentity uint8

const (
	// NotManaged is an application that has credentials of its own.
	NotManaged ManagedIdentity = iota
	// SystemAssigned is the identity that a resource has by itself.
	SystemAssigned
	// UserAssigned is one that was given to it, and has to be asked for by its id.
	UserAssigned
	managedIdentities = iota
)

// EntraApp is an application in a tenant: who can get a token, and what the token says.
type EntraApp struct {
	// ClientID is its id, a GUID. Empty makes one.
	ClientID string
	// ObjectID is that of its service principal, a GUID. Empty makes one.
	ObjectID string
	// DeviceID is the device that its tokens speak for. Real ones do so when the device itself has authenticated, which is
	// not simulated. Empty: none.
	DeviceID string
	// Secret is its client secret. Empty: it has none.
	Secret Secret
	// Certificate is whose key may sign its assertions. Nil: nobody's.
	Certificate *x509.Certificate
	// Public lets it use the device code flow.
	Public bool
	// Managed makes it an identity that the metadata endpoints have tokens of.
	Managed ManagedIdentity
}

// Register adds an application, or replaces the one of that id, and returns it with its ids.
func (e *Entra) Register(app EntraApp) (EntraApp, error) {
	app.ClientID = strings.ToLower(cmp.Or(app.ClientID, newGUID()))
	app.ObjectID = strings.ToLower(cmp.Or(app.ObjectID, newGUID()))
	app.DeviceID = strings.ToLower(app.DeviceID)
	for _, id := range []string{app.ClientID, app.ObjectID, cmp.Or(app.DeviceID, app.ObjectID)} {
		if !guid.MatchString(id) {
			return app, fmt.Errorf("register an application at %q: %q is no GUID", e.config.Name, id)
		}
	}
	if app.Managed >= managedIdentities {
		return app, fmt.Errorf("register an application at %q: there is no managed identity %d", e.config.Name, app.Managed)
	}
	if app.Certificate != nil {
		if _, ok := app.Certificate.PublicKey.(*rsa.PublicKey); !ok {
			return app, fmt.Errorf("register an application at %q: the key of its certificate is not RSA", e.config.Name)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.apps[app.ClientID] = app
	return app, nil
}

// Disable makes an application worthless, as revoking its sign-ins does: it gets no more tokens, and those that it has are no
// longer good for the token service of a site.
func (e *Entra) Disable(clientID string) { e.setOff(clientID, true) }

// Enable undoes Disable.
func (e *Entra) Enable(clientID string) { e.setOff(clientID, false) }

func (e *Entra) setOff(clientID string, off bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.off[strings.ToLower(clientID)] = off
}

// app finds an application that may have tokens.
func (e *Entra) app(clientID string) (EntraApp, entraError) {
	id := strings.ToLower(clientID)
	e.mu.Lock()
	defer e.mu.Unlock()
	app, known := e.apps[id]
	switch {
	case !known:
		return app, entraError{400, "unauthorized_client", 700016, "Application with identifier was not found in the directory."}
	case e.off[id]:
		return app, entraError{401, "invalid_client", 7000112, "Application is disabled."}
	}
	return app, entraError{}
}

// Enroll registers an application that stands for a machine: with its device, a new secret, and the certificate that the machine
// has made itself. It refuses a machine that is not joined to Entra.
func (e *Entra) Enroll(m Machine) (EntraApp, error) {
	if m.DeviceID == "" || m.SelfSigned == nil {
		return EntraApp{}, fmt.Errorf("enroll %s at %q: it is not joined to Entra", m.Name, e.config.Name)
	}
	c, err := x509.ParseCertificate(m.SelfSigned.Certificate[0])
	if err != nil {
		return EntraApp{}, fmt.Errorf("enroll %s at %q: %w", m.Name, e.config.Name, err)
	}
	return e.Register(EntraApp{DeviceID: m.DeviceID, Secret: NewSecret(rand.Text()), Certificate: c})
}
