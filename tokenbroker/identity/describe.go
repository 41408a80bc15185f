package identity

import (
	"crypto/sha1" //nolint:gosec // Windows and CM show certificates by it
	"encoding/hex"
	"strings"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// Unregistered is the state of an identity that the site has not been told of.
const Unregistered = "not registered"

// Description is what people want to know of an identity. It holds no secret.
type Description struct {
	// Kind is "self-signed" or "issued".
	Kind string `json:"kind"`
	// From is where key and certificate are: "directory", "PFX file", "PEM files" or "Windows store".
	From string `json:"from"`
	// Subject and Issuer are those of the certificate.
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	// Thumbprint is the SHA-1 of the certificate in hexadecimal, as Windows and the console of CM show it.
	Thumbprint string `json:"thumbprint"`
	// NotBefore and NotAfter bound the time in which the certificate is good, in UTC.
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	// Site is the code of the site, and SMSID the client id that it gave. Empty: none.
	Site  string `json:"site"`
	SMSID string `json:"smsid,omitempty"`
	// State is the registration in a word: Unregistered, or a ccm.State.
	State string `json:"state"`
	// Asked is when the site said so. Zero: never.
	Asked time.Time `json:"asked,omitzero"`
}

// Describe describes the identity.
func (i *Identity) Describe() Description {
	leaf := i.held.leaf()
	sum := sha1.Sum(leaf.Raw) //nolint:gosec // see above
	d := Description{
		Kind: "issued", From: i.held.from,
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(),
		Thumbprint: strings.ToUpper(hex.EncodeToString(sum[:])),
		NotBefore:  leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(),
		Site: i.config.SiteCode, SMSID: i.record.SMSID, State: Unregistered, Asked: i.record.At,
	}
	if i.held.kind == ccm.SelfSigned {
		d.Kind = "self-signed"
	}
	if answer, asked := i.Registration(); asked {
		d.State = string(answer.State())
	}
	return d
}
