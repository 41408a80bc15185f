package sim

import (
	"crypto/hmac"
	"net/http"
	"strings"
)

// admission is what IIS has found out about a client before a message is looked at.
type admission struct {
	admitted  bool
	account   string // DOMAIN\name of Windows authentication
	token     bool   // a good CCM token was shown, to us or to a gateway
	thumb     string // thumbprint of the TLS client certificate that was shown, to us or to a gateway
	forwarded string // the word of the connector
}

// The header fields by which a gateway's connector tells how a client authenticated. They are made up: what a real connector
// sends is not public.
const (
	connectorHeader = "X-Sim-Connector"
	clientHeader    = "X-Sim-Client"
)

// Vouch puts into a request that a gateway forwards how its client authenticated: "certificate:<SHA-1 thumbprint in hex>",
// "ccmtoken:<device>", or "" for a client that did not.
func (m *ManagementPoint) Vouch(h http.Header, how string) {
	h.Set(connectorHeader, m.config.Connector.Reveal())
	h.Set(clientHeader, how)
}

// admit decides about a request as IIS does. It answers one that does not get in, and returns false.
func (v *visit) admit() bool {
	no := v.checkConnector()
	if no.status == 0 {
		no = v.checkDoor()
	}
	v.w.entry.User = v.who.account
	if c := connOf(v.r.Context()); c != nil {
		c.serve(v.who.account)
	}
	if no.status == 0 {
		v.who.admitted = true
		return true
	}
	for _, challenge := range no.challenges {
		v.w.Header().Add("WWW-Authenticate", challenge)
	}
	if no.status == http.StatusForbidden && no.substatus == 7 {
		v.w.failSaying(no.status, no.substatus, "Client certificate required") // SCCMSecrets shows the words
		return false
	}
	v.w.fail(no.status, no.substatus)
	return false
}

// checkConnector believes a connector that knows the secret, and refuses one that does not.
func (v *visit) checkConnector() refusal {
	shown := v.r.Header.Get(connectorHeader)
	if shown == "" && v.r.Header.Get(clientHeader) == "" {
		v.showCertificate()
		return refusal{}
	}
	secret := v.m.config.Connector.Reveal()
	if secret == "" || !hmac.Equal([]byte(shown), []byte(secret)) {
		return refusal{status: http.StatusForbidden}
	}
	how := v.r.Header.Get(clientHeader)
	kind, value, _ := strings.Cut(how, ":")
	switch {
	case kind == "certificate" && value != "":
		v.who.thumb = strings.ToLower(value)
	case kind == "ccmtoken" && value != "":
		v.who.token = true
	case how != "":
		return refusal{status: http.StatusForbidden}
	}
	v.who.forwarded = strings.TrimSpace("gateway " + how)
	return refusal{}
}

// showCertificate notes the certificate of the TLS handshake, which has verified it.
func (v *visit) showCertificate() {
	if v.r.TLS != nil && len(v.r.TLS.PeerCertificates) > 0 {
		v.who.thumb = thumbprint(v.r.TLS.PeerCertificates[0])
	}
}

// checkDoor applies the authentication of the virtual directory.
func (v *visit) checkDoor() (no refusal) {
	switch v.dir.door {
	case doorWindows:
		if no = v.checkCertificate(); no.status == 0 {
			v.who.account, no = windowsLogin(v.r, v.m.mayLogIn())
		}
		return no
	case doorToken:
		return v.checkToken()
	case doorAlt:
		return refusal{}
	default:
		return v.checkCertificate()
	}
}

func (v *visit) checkCertificate() refusal {
	switch {
	case !v.set.RequireCertificate || v.who.thumb != "":
		return refusal{}
	case v.r.TLS == nil && v.who.forwarded == "":
		return refusal{status: http.StatusForbidden, substatus: 4}
	}
	return refusal{status: http.StatusForbidden, substatus: 7}
}

func (v *visit) checkToken() refusal {
	switch {
	case v.who.token: // a gateway has seen it
		return refusal{}
	case v.r.TLS == nil && v.who.forwarded == "":
		return refusal{status: http.StatusForbidden, substatus: 4}
	case v.m.config.CCMTokens == nil:
		return refusal{status: http.StatusUnauthorized}
	}
	if status := v.m.config.CCMTokens.check(v.r.Header); status != http.StatusOK {
		return refusal{status: status}
	}
	v.who.token = true
	return refusal{}
}
