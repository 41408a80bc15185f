package sim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// EntraResource is the audience of tokens for a site (memdocs "azure-ccmsetup").
const EntraResource = "https://ConfigMgrService"

// EntraConfig says how the endpoints of Microsoft Entra answer.
type EntraConfig struct {
	// Name tells it apart in its log. Empty means "entra".
	Name string
	// Host in its URLs and certificate. Empty means "127.0.0.1". It must not contain "token": Microsoft's libraries make the
	// URL of the device code flow from that of the token endpoint by replacing the word.
	Host string
	// Names are further names that the certificate is good for.
	Names []string
	// HTTPSAddr is where Start listens for who wants a token of the tenant. Empty means "127.0.0.1:0".
	HTTPSAddr string
	// HTTPAddr is where Start listens for who has a managed identity: the instance metadata service of a virtual machine, and
	// the identity endpoint of App Service. Empty: there is neither.
	HTTPAddr string
	// AnyAddress is for network namespaces of a test; see DPConfig.
	AnyAddress bool
	// CA issues the certificate. Required.
	CA *CA
	// Tenant is its id, a GUID. Empty makes one.
	Tenant string
	// Resources are those that tokens are issued for. Nil means EntraResource.
	Resources []string
	// Life of an access token. Zero means an hour.
	Life time.Duration
	// CodeLife is how long a device code waits for somebody. Zero means 15 minutes.
	CodeLife time.Duration
	// IdentityHeader is what the identity endpoint of App Service wants to be shown. Empty makes one.
	IdentityHeader Secret
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
	// Link and Log are as in DPConfig.
	Link *Link
	Log  *Log
}

// Entra is a tenant of Microsoft Entra, as far as a client library needs it (learn.microsoft.com: "OAuth 2.0 client credentials
// flow", "OAuth 2.0 device authorization grant", "Certificate credentials", "How to use managed identities to acquire an access
// token", "Error codes"): discovery, client credentials with a secret or a certificate, the device code flow with refresh tokens,
// and managed identities. It is an http.Handler, and servers that can be killed and revived. Its faults answer with errors in
// JSON. It is safe for concurrent use.
type Entra struct {
	*origin

	config EntraConfig
	signer jwtSigner
	counts tally[EntraToken]

	// mu guards what can be changed while it serves.
	mu      sync.Mutex
	life    time.Duration
	apps    map[string]EntraApp    // by client id in lower case
	off     map[string]bool        // applications that are disabled
	codes   map[string]*deviceCode // by device code
	refresh map[string]delegation  // by refresh token
}

// EntraToken is what access tokens were issued for.
type EntraToken struct {
	// ClientID of the application, in lower case.
	ClientID string
	// Grant is "client_credentials", "device_code", "refresh_token" or "managed_identity".
	Grant string
}

// NewEntra checks the configuration and returns a tenant that does not listen yet.
func NewEntra(c EntraConfig) (*Entra, error) {
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("new Entra tenant %q: %w", c.Name, err)
	}
	e := &Entra{config: c, life: c.Life, apps: map[string]EntraApp{}, off: map[string]bool{}, codes: map[string]*deviceCode{},
		refresh: map[string]delegation{}}
	var err error
	if e.signer, err = newJWTSigner(); err == nil {
		e.origin, err = newOrigin(originConfig{
			name: c.Name, host: c.Host, names: c.Names, httpAddr: c.HTTPAddr, httpsAddr: c.HTTPSAddr, anyAddress: c.AnyAddress, ca: c.CA,
			link: c.Link, log: c.Log, page: entraPage,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("new Entra tenant %q: %w", c.Name, err)
	}
	e.handler = e
	return e, nil
}

func (c *EntraConfig) complete() error {
	c.Name = cmp.Or(c.Name, "entra")
	c.HTTPSAddr = cmp.Or(c.HTTPSAddr, "127.0.0.1:0")
	c.Tenant = strings.ToLower(cmp.Or(c.Tenant, newGUID()))
	c.Life = cmp.Or(c.Life, time.Hour)
	c.CodeLife = cmp.Or(c.CodeLife, 15*time.Minute)
	c.Resources = slices.Clone(c.Resources)
	if len(c.Resources) == 0 {
		c.Resources = []string{EntraResource}
	}
	if c.IdentityHeader.Empty() {
		c.IdentityHeader = NewSecret(newGUID())
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case !guid.MatchString(c.Tenant):
		return fmt.Errorf("the tenant %q is no GUID", c.Tenant)
	case c.Life < 0 || c.CodeLife < 0:
		return errors.New("the life of tokens and codes cannot be negative")
	case strings.Contains(c.Host, "token"):
		return fmt.Errorf("the host %q has \"token\" in it", c.Host)
	}
	return nil
}

// Tenant is its id.
func (e *Entra) Tenant() string { return e.config.Tenant }

// Authority is what applications are told to log in at.
func (e *Entra) Authority() string { return e.URL("https") + "/" + e.config.Tenant }

// Tokens is how many access tokens were issued. An empty field of the question means all.
func (e *Entra) Tokens(of EntraToken) int {
	return e.counts.sum(func(t EntraToken) bool {
		return (of.ClientID == "" || strings.EqualFold(of.ClientID, t.ClientID)) && (of.Grant == "" || of.Grant == t.Grant)
	})
}

// SetLife changes how long access tokens are good that are issued from then on. It must be positive.
func (e *Entra) SetLife(life time.Duration) error {
	if life <= 0 {
		return fmt.Errorf("set the life of tokens of %q: %v is none", e.config.Name, life)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.life = life
	return nil
}
