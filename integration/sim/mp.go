package sim

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// ManagementPointConfig says who a management point is. How it behaves are its MPSettings.
type ManagementPointConfig struct {
	MPSettings

	// Name is its NetBIOS name, and tells it apart in logs. Required.
	Name string
	// Host in its URLs and certificate, and its name in lists. It must resolve to where it listens for those who use it.
	// Empty means "127.0.0.1".
	Host string
	// Names are further names that the certificate is good for.
	Names []string
	// HTTPAddr is where Start listens for http. Empty means no http, unless HTTPSAddr is empty too; then it means
	// "127.0.0.1:0".
	HTTPAddr string
	// HTTPSAddr is where Start listens for https. Empty means no https.
	HTTPSAddr string
	// AnyAddress is for network namespaces of a test; see DPConfig.
	AnyAddress bool
	// CA issues the certificate for https, and is the root of client certificates. Required: the site's documents name it.
	CA *CA
	// SiteCode has three letters or digits. Empty means "PS1".
	SiteCode string
	// Library is what location requests ask for. Required.
	Library *Library
	// Accounts may log in to the directories with Windows authentication. Computer accounts, which end in "$", are approved
	// at once when they register.
	Accounts []Account
	// CCMTokens are the tokens that let requests into the directories for them, over https; a token service issues them. Nil
	// lets nobody in.
	CCMTokens *Tokens
	// TokenService answers /CCM_STS and what is below it. Nil: there is none.
	TokenService http.Handler
	// Connector is known to the connector of a gateway, whose word is believed about how a client authenticated; see Vouch.
	// Empty believes nobody.
	Connector Secret
	// Others are further management points for lists.
	Others []ListedMP
	// Link and Log are as in DPConfig. The Counters of a management point are its own: they do not count content.
	Link *Link
	Log  *Log
}

// ListedMP is a management point in a list.
type ListedMP struct {
	// Name is its NetBIOS name, FQDN its full one, SiteCode that of its site.
	Name, FQDN, SiteCode string
	// SSLState is as the Client Messaging SDK numbers it: 0 for http, 63 for https with certificates.
	SSLState int
}

// ManagementPoint is what clients of a site register at, and ask where content is: messages by CCM_POST, and the documents of
// .sms_aut. It is an http.Handler, and servers that can be killed and revived. It is safe for concurrent use.
//
// What it enforces is public: framing, signatures, and who may authenticate how (see MachineKind). What is refused on the
// level of messages is answered with 200 and nothing; Messages tells why.
type ManagementPoint struct {
	*origin

	// Messages is a log of the requests, Tally counts them and the tokens that were issued.
	Messages *MPLog
	Tally    *MPTally

	config ManagementPointConfig
	keys   siteKeys

	// mu guards what can be changed while it serves. It is never held while bytes move or signatures are checked.
	mu       sync.Mutex
	settings MPSettings
	accounts []Account
	registry registry
}

// NewManagementPoint checks the configuration and returns a management point that does not listen yet.
func NewManagementPoint(c ManagementPointConfig) (*ManagementPoint, error) {
	settings, err := c.complete()
	if err != nil {
		return nil, fmt.Errorf("new management point %q: %w", c.Name, err)
	}
	m := &ManagementPoint{
		Messages: &MPLog{},
		Tally:    &MPTally{},
		config:   c,
		settings: settings,
		accounts: slices.Clone(c.Accounts),
		registry: registry{byID: map[string]*clientRecord{}, byCert: map[string]*clientRecord{}},
	}
	m.origin, err = newOrigin(originConfig{
		name: c.Name, host: c.Host, names: c.Names, httpAddr: c.HTTPAddr, httpsAddr: c.HTTPSAddr, anyAddress: c.AnyAddress, ca: c.CA,
		link: c.Link, log: c.Log, page: iisPage,
		clientAuth: func() tls.ClientAuthType { return tls.VerifyClientCertIfGiven },
	})
	if err != nil {
		return nil, fmt.Errorf("new management point %q: %w", c.Name, err)
	}
	m.handler = m
	return m, nil
}

func (c *ManagementPointConfig) complete() (MPSettings, error) {
	c.SiteCode = strings.ToUpper(cmp.Or(c.SiteCode, "PS1"))
	if c.HTTPAddr == "" && c.HTTPSAddr == "" {
		c.HTTPAddr = "127.0.0.1:0"
	}
	switch {
	case c.Library == nil:
		return c.MPSettings, errors.New("it needs a library")
	case c.CA == nil:
		return c.MPSettings, errors.New("it needs a CA")
	case len(c.SiteCode) != 3 || !isXMLName("S"+c.SiteCode) || strings.ContainsAny(c.SiteCode, "_-."):
		return c.MPSettings, fmt.Errorf("%q is no site code", c.SiteCode)
	}
	return c.MPSettings.complete()
}

// SiteCode is that of its site.
func (m *ManagementPoint) SiteCode() string { return m.config.SiteCode }

// Settings are those in force.
func (m *ManagementPoint) Settings() MPSettings {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.settings
}

// Change changes settings. It refuses those that make no sense, and then leaves everything as it was.
func (m *ManagementPoint) Change(change func(*MPSettings)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := m.settings
	next.Sources, next.RequireAuthenticator = slices.Clone(next.Sources), slices.Clone(next.RequireAuthenticator)
	next.Bootstrap = next.Bootstrap.Clone()
	change(&next)
	next, err := next.complete()
	if err != nil {
		return fmt.Errorf("change the management point %q: %w", m.config.Name, err)
	}
	m.settings = next
	return nil
}

// Join lets accounts of further machines log in, as joining the domain does.
func (m *ManagementPoint) Join(accounts ...Account) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts = append(slices.Clone(m.accounts), accounts...)
}

func (m *ManagementPoint) mayLogIn() []Account {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.accounts
}
