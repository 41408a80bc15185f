package sim

import (
	"io"
	"time"
)

// SiteConfig says how the demonstration site differs from its defaults.
type SiteConfig struct {
	// Library of all DPs. Nil means DemoLibrary(256 << 20).
	Library *Library
	// Host in the URLs of the DPs. Empty means "127.0.0.1".
	Host string
	// BasePort is the first of the six ports that the site uses, in the order of Site.DPs, http before https. Zero means any
	// six free ones.
	BasePort int
	// Places are those of the DPs in the order of Site.DPs, instead of Host and BasePort. Nil means ports of 127.0.0.1.
	Places []Place
	// Cloud adds a content service with its storage. Nil means none.
	Cloud *CloudPlace
	// ManagementPoint adds one. Nil means none.
	ManagementPoint *MPPlace
	// Entra adds a tenant. Nil means none.
	Entra *EntraPlace
	// Gateway adds one; it needs a management point. Nil means none.
	Gateway *GatewayPlace
	// TokenService says how the token service of the management point differs; its tokens are CCMTokens. There is one with a
	// tenant or with a gateway.
	TokenService TokenServiceConfig
	// CCMTokens says how CCM tokens are shown and refused.
	CCMTokens TokensConfig
	// AnyAddress is for Places in network namespaces of a test; see DPConfig.
	AnyAddress bool
	// Tokens says how tokens are shown and refused.
	Tokens TokensConfig
	// TokenLife is how long the site's first token is good. Zero means 8 hours.
	TokenLife time.Duration
	// Link puts every DP behind a link of its own. Nil means none.
	Link *LinkConfig
	// LogTo receives the W3C log of all DPs. Nil keeps it in memory only.
	LogTo io.Writer
}
