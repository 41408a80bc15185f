package sim

import (
	"crypto/tls"
	"net/http"
	"slices"
	"strings"
)

// Access is how a virtual directory lets requests in (memdocs "communications-between-endpoints").
type Access uint8

const (
	// AccessOff is a directory that is not there: 404.
	AccessOff Access = iota
	// AccessAnonymous lets everybody in.
	AccessAnonymous
	// AccessWindows wants Negotiate or NTLM, bound to the connection.
	AccessWindows
	// AccessCertificate wants a client certificate of the site's CA: 403 without (IIS 403.7). Https only.
	AccessCertificate
	// AccessToken wants a content access token: 401 without. Https only.
	AccessToken
)

// refusal is why a request is not let in. The zero refusal lets it in.
type refusal struct {
	status, substatus int
	challenges        []string // values of WWW-Authenticate
}

// admit decides about a request, and says for which user it is ("" when nobody logged in).
func (d *DP) admit(r *http.Request, t target) (user string, no refusal) {
	d.mu.Lock()
	access := d.access[t.vdir]
	d.mu.Unlock()
	switch access {
	case AccessAnonymous:
	case AccessWindows:
		user, no = d.login(r)
	case AccessCertificate:
		no = d.needCertificate(r)
	case AccessToken:
		no = d.needToken(r)
	default:
		no = refusal{status: http.StatusNotFound}
	}
	if no.status != 0 || access == AccessToken || access == AccessCertificate {
		return user, no
	}
	return d.entitle(r, t, user)
}

// CertificateDemand is when a DP asks for a client certificate, if a directory has AccessCertificate.
type CertificateDemand uint8

const (
	// DemandAtHandshake asks in every handshake, whatever it is made for, and refuses later: 403 (IIS 403.7).
	DemandAtHandshake CertificateDemand = iota
	// DemandAfterRequest asks by renegotiation when a request needs it, which is what IIS does by default. TLS is then 1.2
	// at most. It can only be asked here, not answered: the connection ends, as it does for who shows no certificate.
	DemandAfterRequest
)

// clientAuth says whether a handshake asks for a client certificate. Who shows none is let into the other directories.
func (d *DP) clientAuth() tls.ClientAuthType {
	if d.config.Demand == DemandAfterRequest {
		return tls.NoClientCert
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, access := range d.access {
		if access == AccessCertificate {
			return tls.VerifyClientCertIfGiven
		}
	}
	return tls.NoClientCert
}

func (d *DP) needCertificate(r *http.Request) refusal {
	switch c := connOf(r.Context()); {
	case r.TLS == nil:
		return refusal{status: http.StatusForbidden, substatus: 4}
	case len(r.TLS.PeerCertificates) > 0:
		return refusal{}
	case c != nil && c.demand != nil:
		c.askForCertificate()
		<-r.Context().Done() // the client gives up, or it answers what nobody understands
		panic(http.ErrAbortHandler)
	}
	return refusal{status: http.StatusForbidden, substatus: 7}
}

func (d *DP) needToken(r *http.Request) refusal {
	if r.TLS == nil {
		return refusal{status: http.StatusForbidden, substatus: 4}
	}
	if status := d.config.Tokens.check(r.Header); status != http.StatusOK {
		return refusal{status: status}
	}
	return refusal{}
}

// entitle applies the access list of a package. A package that has one wants to know the user, whatever the directory.
func (d *DP) entitle(r *http.Request, t target, user string) (string, refusal) {
	id, _, err := splitSegment(t.segment)
	if err != nil {
		return user, refusal{}
	}
	d.mu.Lock()
	allowed, limited := d.acl[strings.ToLower(id)]
	d.mu.Unlock()
	if !limited {
		return user, refusal{}
	}
	if user == "" {
		var no refusal
		if user, no = d.login(r); no.status != 0 {
			return "", no
		}
	}
	if !slices.Contains(allowed, strings.ToLower(user)) {
		return user, refusal{status: d.config.ACLStatus, substatus: 3}
	}
	return user, refusal{}
}
