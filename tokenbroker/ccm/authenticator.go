package ccm

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// AuthenticatorForm is one of the ways in which an identity signs the header of a request, beside or instead of a message.
type AuthenticatorForm string

const (
	// NoAuthenticator adds nothing. It is the default: a signed message needs no more.
	NoAuthenticator AuthenticatorForm = ""
	// ClientToken is the pair ClientToken and ClientTokenSignature of current clients; task sequences log it as "the
	// authenticator". Public tools send it.
	ClientToken AuthenticatorForm = "clienttoken"
	// CCMClient are the four fields of old clients: CCMClientID and CCMClientTimestamp, with a signature for each. Microsoft's
	// page on internet-based clients names them.
	CCMClient AuthenticatorForm = "ccmclient"
)

// IDForm is how an authenticator spells the client id.
type IDForm string

const (
	// Prefixed is "GUID:…", what most public tools send.
	Prefixed IDForm = "guid"
	// Braced is "{…}", what boot media and some tools send.
	Braced IDForm = "braces"
)

// Authenticator says how the header of a request is signed. Which of the forms a site wants is not public.
type Authenticator struct {
	// Form chooses the fields. Empty: none.
	Form AuthenticatorForm
	// ID is how the client id is spelt. Empty is Prefixed.
	ID IDForm
	// Suffix ends a ClientToken after the time. Empty is ";2"; "none" is no suffix, as some tools send it.
	Suffix string
	// WithoutOID signs the bare hash. Clients and some tools do so, others name the algorithm: both are reported to work.
	WithoutOID bool
	// Hash is the algorithm. Empty is SHA256.
	Hash Hash
}

func (a Authenticator) withDefaults() Authenticator {
	if a.ID == "" {
		a.ID = Prefixed
	}
	switch a.Suffix {
	case "":
		a.Suffix = ";2"
	case "none":
		a.Suffix = ""
	}
	if a.Hash == "" {
		a.Hash = SHA256
	}
	return a
}

// Validate says what is wrong with the settings.
func (a Authenticator) Validate() error {
	a = a.withDefaults()
	switch {
	case a.Form != NoAuthenticator && a.Form != ClientToken && a.Form != CCMClient:
		return fmt.Errorf("authenticator: the form %q is none of %q, %q and %q", a.Form, NoAuthenticator, ClientToken, CCMClient)
	case a.ID != Prefixed && a.ID != Braced:
		return fmt.Errorf("authenticator: the id form %q is neither %q nor %q", a.ID, Prefixed, Braced)
	case strings.ContainsFunc(a.Suffix, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("authenticator: the suffix %q is not plain text", a.Suffix)
	}
	if _, err := a.Hash.algorithm(); err != nil {
		return fmt.Errorf("authenticator: %w", err)
	}
	return nil
}

// Apply signs h for the identity, at a time that the site's clock has to agree with. It is ErrNotRegistered for an
// identity without an id.
func (a Authenticator) Apply(i *Identity, at time.Time, h http.Header) error {
	if a.Form == NoAuthenticator {
		return nil
	}
	if i == nil || i.smsid == "" {
		return ErrNotRegistered
	}
	a = a.withDefaults()
	id, stamp := i.smsid, timestamp(at)
	if a.ID == Braced {
		id = "{" + strings.TrimPrefix(id, smsidPrefix) + "}"
	}
	if a.Form == ClientToken {
		return a.signed(i, h, "ClientToken", id+";"+stamp+a.Suffix)
	}
	if err := a.signed(i, h, "CCMClientID", id); err != nil {
		return err
	}
	return a.signed(i, h, "CCMClientTimestamp", stamp)
}

// signed sets a field and its signature. They are set in the letter case that clients use, which Header.Set would change.
func (a Authenticator) signed(i *Identity, h http.Header, name, value string) error {
	signature, err := i.sign(encodeTerminated(value), a.Hash, !a.WithoutOID)
	if err != nil {
		return fmt.Errorf("authenticator: %w", err)
	}
	h[name], h[name+"Signature"] = []string{value}, []string{signature}
	return nil
}

// timestamp is a time as messages carry it: UTC, to the second.
func timestamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05Z") }
