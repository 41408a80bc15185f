package sim

import (
	"net/http"
	"time"
)

// GatewayConfig says what is behind a gateway, and whom it lets through.
type GatewayConfig struct {
	// Name tells it apart in its log. Required.
	Name string
	// Host in its URLs and certificate. Empty means "127.0.0.1".
	Host string
	// Names are further names that the certificate is good for.
	Names []string
	// Addr is where Start listens, with https only. Empty means "127.0.0.1:0".
	Addr string
	// AnyAddress is for network namespaces of a test; see DPConfig.
	AnyAddress bool
	// CA issues the certificate, and is the root of client certificates and of the management points' certificates. Required.
	CA *CA
	// ManagementPoints are those behind it, by the number that stands in URLs. Required.
	ManagementPoints map[uint64]BehindGateway
	// CCMTokens are those that let requests in by ServerAuth. Nil lets nobody in.
	CCMTokens *Tokens
	// Content makes it serve content too: its service for the lists of contents. Of the configuration, name, host, names, address
	// and CA are those of the gateway. Nil means a gateway without content.
	Content *ContentServiceConfig
	// Tenant and ClientApp are what it tells clients of Entra: the id of the tenant, and of the application that they are to name
	// as themselves. Empty: it tells nothing.
	Tenant, ClientApp string
	// Form of what it tells about Entra and about itself. It is not public.
	Form MetadataForm
	// MaxBody is the longest body of a request in bytes. Zero means 4 MiB. How long a real one lets it be is not public.
	MaxBody int64
	// Now tells the time, to which client certificates have to be good. Nil means time.Now.
	Now func() time.Time
	// Link and Log are as in DPConfig.
	Link *Link
	Log  *Log
}

// BehindGateway is a management point as the connector of a gateway reaches it.
type BehindGateway interface {
	// Address is where it listens for http or https, as an IP address with a port that its certificate is good for. Empty
	// without such a listener. Https is preferred.
	Address(scheme string) string
	// Vouch puts into a request how the gateway has authenticated the client.
	Vouch(h http.Header, how string)
}

var _ BehindGateway = (*ManagementPoint)(nil)

// DefaultBehind is a number by which clients know a management point behind a gateway, as documents show it.
const DefaultBehind uint64 = 72057594037937981
