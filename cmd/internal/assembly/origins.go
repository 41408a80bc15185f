package assembly

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"

	"branchpoint/configs"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker"
)

var _ proxy.Origins = (*upstream.Pool)(nil)

// authorizer lets the pool use the tokens of the broker.
type authorizer struct{ broker *tokenbroker.Broker }

var _ upstream.Authorizer = authorizer{}

// Authorize implements upstream.Authorizer.
func (a authorizer) Authorize(ctx context.Context, audience string, h http.Header) (uint64, error) {
	stamp, err := a.broker.Authorize(ctx, audience, h)
	return uint64(stamp), err
}

// Another implements upstream.Authorizer.
func (a authorizer) Another(ctx context.Context, audience string, stamp uint64, host string, h http.Header) (uint64, error) {
	other, err := a.broker.Another(ctx, audience, tokenbroker.Stamp(stamp), host, h)
	return uint64(other), err
}

// Refused implements upstream.Authorizer.
func (a authorizer) Refused(audience string, stamp uint64, host string) {
	a.broker.Refused(audience, tokenbroker.Stamp(stamp), host)
}

// Accepted implements upstream.Authorizer.
func (a authorizer) Accepted(audience string, stamp uint64, host string) {
	a.broker.Accepted(audience, tokenbroker.Stamp(stamp), host)
}

// observer shows the broker the tokens that clients of this machine present to a configured distribution point. What they
// present to another host is between them.
type observer struct {
	broker    *tokenbroker.Broker
	audiences atomic.Pointer[map[string]string] // by host:port
}

var _ proxy.Tokens = (*observer)(nil)

func newObserver(broker *tokenbroker.Broker, c *configs.Config) *observer {
	o := &observer{broker: broker}
	o.watch(c)
	return o
}

// watch says which servers are configured. A gateway, and so a cloud distribution point, has an audience of its own.
func (o *observer) watch(c *configs.Config) {
	audiences := make(map[string]string)
	for _, gateway := range gatewaysOf(c) {
		if u, err := url.Parse(gateway); err == nil {
			audiences[hostPort(gateway)] = u.Hostname()
		}
	}
	for _, dp := range c.DistributionPoints {
		for _, address := range []string{dp.URL, dp.TokenURL} {
			if host := hostPort(address); host != "" {
				audiences[host] = dp.Audience
			}
		}
	}
	o.audiences.Store(&audiences)
}

// Observe implements proxy.Tokens.
func (o *observer) Observe(host string, h http.Header) {
	if audience, ok := (*o.audiences.Load())[host]; ok {
		o.broker.Observe(audience, h)
	}
}

// hostPort returns where a URL leads; empty when it does not say.
func hostPort(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	at, _ := content.HostPort(u.Scheme, u.Host)
	return at
}
