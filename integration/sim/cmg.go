package sim

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Gateway is a cloud management gateway (CMG) with its connector: it authenticates clients of the internet and hands what they
// ask on to a management point (memdocs "azure-ccmsetup", "cmg-data-flow", "troubleshoot-cmg-client"). It may be content-enabled:
// Content is a content service then, which the gateway serves. It is an http.Handler, and a server that can be killed and revived.
// It is safe for concurrent use.
type Gateway struct {
	*origin

	// Content is nil unless it is configured. It starts, ends and dies with the gateway, and has faults of its own.
	Content *ContentService

	config  GatewayConfig
	forward *http.Transport
	counts  tally[GatewayRequest]

	// mu guards what can be changed while it serves.
	mu       sync.Mutex
	stranger bool
}

// NewGateway checks the configuration and returns a gateway that does not listen yet.
func NewGateway(c GatewayConfig) (*Gateway, error) {
	g, err := newGateway(c)
	if err != nil {
		return nil, fmt.Errorf("new gateway %q: %w", c.Name, err)
	}
	return g, nil
}

func newGateway(c GatewayConfig) (*Gateway, error) {
	c.MaxBody = orDefault(c.MaxBody, 4<<20)
	c.ManagementPoints = maps.Clone(c.ManagementPoints)
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case len(c.ManagementPoints) == 0:
		return nil, errors.New("there is no management point behind it")
	case c.MaxBody < 0:
		return nil, errors.New("the longest body cannot be negative")
	case c.Tenant != "" && !guid.MatchString(c.Tenant), c.ClientApp != "" && !guid.MatchString(c.ClientApp):
		return nil, errors.New("the tenant, or the application for clients, is no GUID")
	case c.Form >= metadataForms:
		return nil, fmt.Errorf("there is no form %d of metadata", c.Form)
	}
	g := &Gateway{config: c}
	var err error
	g.origin, err = newOrigin(originConfig{
		name: c.Name, host: c.Host, names: c.Names, httpsAddr: orDefault(c.Addr, "127.0.0.1:0"), anyAddress: c.AnyAddress, ca: c.CA,
		link: c.Link, log: c.Log, page: iisPage,
		clientAuth: func() tls.ClientAuthType { return tls.RequestClientCert }, // what is shown is judged later
	})
	if err != nil {
		return nil, err
	}
	g.handler = g
	g.forward = &http.Transport{
		TLSClientConfig:    &tls.Config{RootCAs: c.CA.Pool(), MinVersion: tls.VersionTLS12},
		DisableCompression: true,
		DisableKeepAlives:  true, // a management point that was away is asked anew
	}
	return g, g.addContent()
}

func (g *Gateway) addContent() (err error) {
	if g.config.Content == nil {
		return nil
	}
	c := *g.config.Content
	c.Name, c.Host, c.Names, c.Addr, c.AnyAddress, c.CA = g.config.Name, g.config.Host, g.config.Names, g.config.Addr, g.config.AnyAddress, g.config.CA
	g.Content, err = NewContentService(c)
	return err
}

// Start listens on the configured address.
func (g *Gateway) Start() error {
	if err := g.origin.Start(); err != nil {
		return err
	}
	if g.Content != nil {
		g.Content.setAddress("https", g.Address("https")) // where its own URLs lead
	}
	return nil
}

// Close ends it for good, and waits for everything that it started.
func (g *Gateway) Close() error {
	if g.Content != nil {
		g.Content.Faults.Clear() // or requests that it holds up keep us waiting
	}
	err := g.origin.Close()
	if g.Content != nil {
		err = errors.Join(err, g.Content.Close())
	}
	g.forward.CloseIdleConnections()
	return err
}

// MutualAuth is the base URL of a management point for clients with a certificate.
func (g *Gateway) MutualAuth(id uint64) string { return g.base("CCM_Proxy_MutualAuth", id) }

// ServerAuth is the base URL of a management point for clients that show a token.
func (g *Gateway) ServerAuth(id uint64) string { return g.base("CCM_Proxy_ServerAuth", id) }

func (g *Gateway) base(directory string, id uint64) string {
	return g.URL("https") + "/" + directory + "/" + strconv.FormatUint(id, 10)
}

// SetStranger makes it a gateway that does not know anybody: every certificate and every token is refused, good or not.
func (g *Gateway) SetStranger(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stranger = on
}

func (g *Gateway) isStranger() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stranger
}
