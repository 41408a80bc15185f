package sim

import (
	"crypto"
	"crypto/rsa"
	"slices"
	"strings"
	"time"
)

// sender is whom a message is from: a machine that has registered and proved it by a signature. Nil: a message without a
// signature. A signature that does not prove it, and a machine that the site does not answer, are refused.
func (v *visit) sender(msg *message) (*clientRecord, error) {
	shown, err := v.checkAuthenticator()
	if err != nil {
		return nil, err
	}
	hook := msg.hook("clientauth")
	if hook == nil {
		return nil, nil
	}
	c, err := v.m.answerable(msg.source(), v.now)
	if err != nil {
		return nil, err
	}
	if shown != "" && shown != c.SMSID {
		return nil, refused("the authenticator is not that of the message's sender")
	}
	if err := v.checkSignatures(msg, hook, c.key, c.SMSID); err != nil {
		return nil, err
	}
	v.entry.Machine, v.entry.SMSID = c.Name, c.SMSID
	return c, nil
}

// checkSignatures verifies those of a message. The key that it states itself does not count.
func (v *visit) checkSignatures(msg *message, hook *xmlNode, key *rsa.PublicKey, smsid string) error {
	properties := map[string]string{}
	for _, p := range hook.children {
		properties[p.attr("Name")] = p.text
	}
	hash, known := hashNamed(properties["HashAlgorithm"])
	id, hasID := properties["ClientIDSignature"] // tools work without it
	switch {
	case !known:
		return refused("the hash algorithm of the signature is unknown")
	case properties["PayloadSignature"] == "":
		return refused("the message is said to be signed, and has no PayloadSignature")
	case !verifies(key, hash, msg.sent, properties["PayloadSignature"]):
		return refused("PayloadSignature is not that of the registered key over the bytes as sent")
	case hasID && !verifiesText(key, hash, smsid, id):
		return refused("ClientIDSignature is not that of the registered key over the id")
	case !fresh(msg.envelope.value("SentTime"), v.now, v.set.Skew):
		return refused("SentTime is not now: the clocks differ")
	}
	return nil
}

// approved is sender for a message that has to be signed.
func (v *visit) approved(msg *message) (*clientRecord, error) {
	c, err := v.sender(msg)
	if err == nil && c == nil {
		err = refused("the message has to be signed")
	}
	return c, err
}

// answerable is a copy of what is known of a machine whose signed messages are answered.
func (m *ManagementPoint) answerable(smsid string, now time.Time) (*clientRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.registry.byID[smsid]
	switch {
	case c == nil:
		return nil, refused("the sender has not registered")
	case c.waits(now):
		return nil, refused("the registration has not reached the database yet")
	case c.Status == RegistrationReset:
		return nil, refused("the registration was reset")
	case c.Status == RegistrationError:
		return nil, refused("the sender is blocked")
	case c.Approval == ApprovalPending:
		return nil, refused("the sender is not approved")
	}
	known := *c
	return &known, nil
}

// waits says whether the site does not know a machine yet. Each question counts. It needs the management point's mu.
func (c *clientRecord) waits(now time.Time) bool {
	if c.silent > 0 {
		c.silent--
		return true
	}
	return now.Before(c.ready)
}

// checkAuthenticator looks at the signed header fields, in directories that want them, and says whose they are.
func (v *visit) checkAuthenticator() (smsid string, err error) {
	if !slices.Contains(v.set.RequireAuthenticator, v.dir.name) {
		return "", nil
	}
	h := v.r.Header
	if token := h.Get("ClientToken"); token != "" {
		// "GUID:…;<time>;2", or "{GUID};<time>", as tools send it.
		id, stamp, _ := strings.Cut(token, ";")
		stamp, _, _ = strings.Cut(stamp, ";")
		return v.checkFields(id, stamp, token, h.Get("ClientTokenSignature"))
	}
	id, stamp := h.Get("CCMClientID"), h.Get("CCMClientTimestamp")
	if id == "" {
		return "", refused("the directory wants ClientToken or CCMClientID in the header")
	}
	signature := h.Get("CCMClientTimestampSignature")
	if signature == "" {
		signature = h.Get("CCMClientTimestampsSignature") // as memdocs, internet-based clients, spell it
	}
	return v.checkFields(id, stamp, id, h.Get("CCMClientIDSignature"), stamp, signature)
}

// checkFields verifies an authenticator: whose it is, when it was made, and texts with their signatures.
func (v *visit) checkFields(id, stamp string, signed ...string) (smsid string, err error) {
	c, err := v.m.answerable(normalSMSID(id), v.now)
	if err != nil {
		return "", refused("the authenticator: " + err.Error())
	}
	for i := 0; i < len(signed); i += 2 {
		if !verifiesText(c.key, crypto.SHA256, signed[i], signed[i+1]) && !verifiesText(c.key, crypto.SHA1, signed[i], signed[i+1]) {
			return "", refused("a signature of the authenticator is not that of the registered key")
		}
	}
	if !fresh(stamp, v.now, v.set.Skew) {
		return "", refused("the time of the authenticator is not now: the clocks differ")
	}
	return c.SMSID, nil
}
