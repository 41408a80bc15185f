package ccm

import (
	"bytes"
	"fmt"
	"strconv"
)

// The endpoints of a management point that this package sends to.
const (
	registrationEndpoint = "MP_ClientRegistration"
	locationEndpoint     = "MP_LocationManager"
	tokenEndpoint        = "MP_TokenManager"
)

// messageTimeout is how long an MP may work on a message, in milliseconds, as the Client Messaging SDK sends it.
const messageTimeout = 60000

// errNoBody is an answer that says nothing beyond its envelope.
const errNoBody = flaw("it has no body")

// outgoing is a message to be sent.
type outgoing struct {
	endpoint string
	body     string
	signed   bool
	nameless bool // without the id of the client, as when it has none
}

// write returns the envelope of a message and its body as it is sent. The signature is over the body in that form, which
// is how management points check it.
func (c *Client) write(m outgoing) (envelope *element, body []byte, err error) {
	text := encodeTerminated(m.body)
	body = text
	hooks := tag("Hooks")
	if !c.config.Message.Raw {
		body = deflate(text)
	}
	if m.signed {
		hook, err := c.signature(body)
		if err != nil {
			return nil, nil, err
		}
		hooks.with(hook)
	}
	if !c.config.Message.Raw {
		hooks.with(tag("Hook3", "Name", "zlib-compress"))
	}
	return c.envelope(m, hooks, len(text)), body, nil
}

// envelope is the Msg element, with what the Client Messaging SDK writes and in its order.
func (c *Client) envelope(m outgoing, hooks *element, length int) *element {
	e := tag("Msg", "ReplyCompression", c.config.Message.ReplyCompression, "SchemaVersion", "1.1").with(
		tag("Body", "Type", "ByteRange", "Length", strconv.Itoa(length), "Offset", "0"),
		leaf("CorrelationID", "{00000000-0000-0000-0000-000000000000}"),
		hooks,
		leaf("ID", "{"+newGUID()+"}"),
		tag("Payload", "Type", "inline"),
		leaf("Priority", "0"),
		leaf("Protocol", "http"),
		leaf("ReplyMode", "Sync"),
		leaf("ReplyTo", "direct:"+c.config.Host+":SccmMessaging"),
		leaf("SentTime", timestamp(c.config.Now())),
	)
	if !m.nameless && c.config.Identity != nil && c.config.Identity.smsid != "" {
		e.with(leaf("SourceID", c.config.Identity.smsid))
	}
	return e.with(
		leaf("SourceHost", c.config.Host),
		leaf("TargetAddress", "mp:"+m.endpoint),
		leaf("TargetEndpoint", m.endpoint),
		leaf("TargetHost", c.config.TargetHost),
		leaf("Timeout", strconv.Itoa(messageTimeout)),
	)
}

// signature is the hook that proves who sends a body.
func (c *Client) signature(body []byte) (*element, error) {
	i, s := c.config.Identity, c.config.Message
	if i == nil || i.smsid == "" {
		return nil, ErrNotRegistered
	}
	id, err := i.sign(encodeTerminated(i.smsid), s.Hash, true)
	if err != nil {
		return nil, fmt.Errorf("client id: %w", err)
	}
	payload, err := i.sign(body, s.Hash, true)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	hook := tag("Hook2", "Name", "clientauth").with(property("AuthSenderMachine", c.config.Host))
	if !s.UnnamedKey {
		hook.with(property("PublicKey", upperHex(publicKeyBlob(i.public))))
	}
	return hook.with(
		property("ClientIDSignature", id),
		property("PayloadSignature", payload),
		property("ClientCapabilities", s.Capabilities),
		property("HashAlgorithm", string(s.Hash)),
	), nil
}

func property(name, text string) *element {
	e := tag("Property", "Name", name)
	e.text = text
	return e
}

// readReply returns the XML of the body of an answer.
func readReply(got answer, limit int64) (*element, error) {
	m, err := ReadMessage(got.header.Get("Content-Type"), bytes.NewReader(got.body), limit)
	if err != nil {
		return nil, err
	}
	if m.Body == "" {
		return nil, errNoBody
	}
	return parseXML(m.Body)
}
