package atsite

import (
	"fmt"
	"strings"
	"time"

	"branchpoint/configs"
	"branchpoint/tokenbroker/ccm"
)

// exchange makes the source of CCM tokens: what an Entra token or a bulk registration token is exchanged for, at the gateway or
// at a management point that speaks HTTPS. Nil: there is nothing to be exchanged, or nobody who does it.
func (e *Ends) exchange(c *configs.Config, o Options) (ccm.TokenSource, error) {
	at, err := stsURL(c.Site)
	if err != nil || at == "" {
		return nil, err
	}
	incoming, err := e.incoming(c, o)
	if err != nil || incoming == nil {
		return nil, err
	}
	t, err := e.transport(o, nil)
	if err != nil {
		return nil, err
	}
	s := c.Site.STS
	sts, err := ccm.NewSTS(ccm.STSConfig{
		URL: at, Path: s.Path, Method: s.Method, Carriage: ccm.Carriage(s.Carriage), Header: carrierOf(s.Carrier), Body: s.Body,
		ContentType: s.ContentType, Reply: s.Reply, Expiry: s.Expiry, MaxAge: time.Duration(s.MaxAge), Incoming: incoming, Transport: t,
	})
	if err != nil {
		return nil, fmt.Errorf("site.sts: %w", err)
	}
	return ccm.Keep(sts.Exchange, 0, nil)
}

// stsURL is who exchanges tokens. Empty: nobody does.
func stsURL(s configs.Site) (string, error) {
	if s.Gateway != "" {
		g, err := ccm.ParseGateway(s.Gateway)
		if err != nil {
			return "", fmt.Errorf("site.gateway: %w", err)
		}
		return g.ServerAuth(), nil
	}
	if strings.HasPrefix(s.ManagementPoint, "https:") {
		return s.ManagementPoint, nil
	}
	return "", nil
}
