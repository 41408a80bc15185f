package ccm

import (
	"context"
	"strings"
)

// DPToken asks for the token of the site's distribution points, in the way that the settings say. The content counts where
// tokens come with locations: the token may be good for it only, or for all; that is not public. That of a cloud location is
// never returned, since it is not for the site. The error is ErrNoToken where an answer has none.
func (c *Client) DPToken(ctx context.Context, content Content, place Place) (Token, error) {
	const op = "ask for a token for distribution points"
	switch c.reader.token.Delivery {
	case InLocationReply:
		return c.tokenInReply(ctx, op, content, place)
	case BySTS:
		t, err := c.reader.token.STS.Token(ctx)
		if err != nil {
			return Token{}, err
		}
		t.Expires = sooner(t.Expires, c.config.Now().Add(c.reader.token.MaxAge))
		return t, nil
	}
	return c.tokenByMessage(ctx, op)
}

// ForgetDPToken says that a distribution point refused t: the next DPToken is another one if there is another one.
func (c *Client) ForgetDPToken(t Token) {
	if c.reader.token.Delivery == BySTS {
		c.reader.token.STS.Forget(t)
	}
}

func (c *Client) tokenInReply(ctx context.Context, op string, content Content, place Place) (Token, error) {
	found, err := c.Locate(ctx, content, place)
	if err != nil {
		return Token{}, err
	}
	if !found.Token.IsZero() {
		return found.Token, nil
	}
	for _, l := range found.List {
		if !l.Cloud && !l.Token.IsZero() {
			return l.Token, nil
		}
	}
	return Token{}, &Error{Op: op, Kind: ErrNoToken, Cause: found.TokenError}
}

// tokenByMessage asks with a message of its own. It is signed: only MP_TokenManager is known to want that, but a token
// for everyone would be none.
func (c *Client) tokenByMessage(ctx context.Context, op string) (Token, error) {
	rules := c.reader.token
	endpoint := tokenEndpoint
	if rules.Delivery == ByTokenServices {
		endpoint = locationEndpoint
	}
	root, err := c.post(ctx, op, outgoing{endpoint: endpoint, body: c.fill(rules.Body), signed: true})
	if err != nil {
		return Token{}, err
	}
	value := first(rules.paths, root)
	if value == "" {
		return Token{}, &Error{Op: op, Kind: ErrNoToken}
	}
	t, err := rules.make(value, first(rules.expiries, root), c.config.Identity, c.config.Now())
	if err != nil {
		return Token{}, &Error{Op: op, Kind: ErrNoToken, Cause: err}
	}
	return t, nil
}

// fill puts what is known into the message of a setting.
func (c *Client) fill(body string) string {
	smsid := ""
	if c.config.Identity != nil {
		smsid = c.config.Identity.smsid
	}
	return strings.NewReplacer(
		"{SMSID}", escape(smsid),
		"{SITECODE}", escape(c.config.SiteCode),
		"{HOST}", escape(c.config.Host),
		"{TIME}", timestamp(c.config.Now()),
	).Replace(body)
}
