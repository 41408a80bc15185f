// Package ccm speaks Configuration Manager's messages with a management point (MP), directly or through a cloud
// management gateway (CMG).
//
// A message is two parts of a multipart body: an envelope and a body, XML in UTF-16, sent with the method CCM_POST, and
// signed by an identity that the site knows. With it the package registers, asks where content is, and gets the tokens
// that distribution points and gateways want.
//
// Much of this is known only from what clients log, from Microsoft's documentation and from public tools. What no public
// source shows is a setting, with the candidates in its comment and a default that is a guess. Names in answers that the
// package does not know are collected, without their values, so that the settings can be completed from a real site.
//
// Nothing here writes to a log. Keys and tokens print as "redacted", and the text of an Error holds none.
package ccm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Client sends messages to one management point. It never changes, and may be used by many goroutines. It prints as
// "redacted".
type Client struct {
	sealed
	config  Config
	base    *url.URL
	carrier carrier
	bearer  bearer
	reader  *ReplyReader
}

// New returns a client for config. It refuses settings that cannot work, and says why. Nothing is sent yet.
func New(config Config) (*Client, error) {
	config = config.withDefaults()
	base, err := baseURL(config.URL)
	if err == nil {
		err = config.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("ccm client: %w", err)
	}
	set(&config.TargetHost, base.Hostname())
	set(&config.Message.Capabilities, map[string]string{"http": "NonSSL", "https": "SSL"}[base.Scheme])
	c := &Client{
		config:  config,
		base:    base,
		carrier: carrier{config.Transport, config.Timeout, config.MaxReply, config.UserAgent},
		bearer:  inHeader(config.CCMToken, config.CCMTokenHeader),
	}
	if c.reader, err = NewReplyReader(config.Location, config.DPToken); err != nil {
		return nil, fmt.Errorf("ccm client: %w", err)
	}
	return c, nil
}

// As is the same client with another identity, as after a registration.
func (c *Client) As(i *Identity) *Client {
	other := *c
	other.config.Identity = i
	return &other
}

// post sends a message and returns the XML of its answer.
func (c *Client) post(ctx context.Context, op string, m outgoing) (*element, error) {
	envelope, body, err := c.write(m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	contentType, framed, err := frame(envelope.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	header := http.Header{"Content-Type": {contentType}}
	if err := c.authenticate(header); err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	target := c.base.JoinPath(c.config.Directory, "request").String()
	got, err := c.bearer.do(ctx, c.carrier, call{op, "CCM_POST", target, header, framed})
	if err != nil {
		return nil, err
	}
	return c.read(op, got)
}

// authenticate signs the header of a message. Who has no id, as before a registration, has nothing to show there.
func (c *Client) authenticate(h http.Header) error {
	if i := c.config.Identity; i == nil || i.smsid == "" {
		return nil
	}
	return c.config.Authenticator.Apply(c.config.Identity, c.config.Now(), h)
}

// read returns the XML of the body of an answer.
func (c *Client) read(op string, got answer) (*element, error) {
	root, err := readReply(got, c.config.MaxReply)
	switch {
	case errors.Is(err, ErrRefused):
		return nil, &Error{Op: op, Kind: ErrRefused, Status: http.StatusOK}
	case err != nil:
		return nil, nonsense(op, err)
	}
	return root, nil
}
