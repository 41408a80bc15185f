package entra

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Type is where tokens come from.
type Type string

const (
	// ClientCredentials is an application that shows a secret or a certificate.
	ClientCredentials Type = "client_credentials"
	// ManagedIdentity is the identity that Azure gives a machine.
	ManagedIdentity Type = "managed_identity"
	// DeviceCode has a person sign in elsewhere.
	DeviceCode Type = "device_code"
	// File is a token in a file.
	File Type = "file"
	// Command is what a program prints.
	Command Type = "command"
)

const (
	// DefaultResource is what clients ask a token for (Microsoft Learn, "Configure Azure Active Directory authentication
	// workflow").
	DefaultResource = "https://ConfigMgrService"
	// DefaultAuthority is the public cloud's.
	DefaultAuthority = "https://login.microsoftonline.com"
)

// Config says where tokens come from. What a Type does not need is ignored.
type Config struct {
	// Type is one of the above. Required.
	Type Type
	// Tenant is the directory: its id or one of its domains. Required for ClientCredentials and DeviceCode.
	Tenant string
	// ClientID is the application. Required for ClientCredentials and DeviceCode. For ManagedIdentity it chooses an identity
	// that a user assigned; empty is that of the machine.
	ClientID string
	// SecretFile holds the secret of the application and nothing else. CertificateFile and KeyFile are PEM files. One of both
	// is required for ClientCredentials. They are read for each token, so that new ones count at once.
	SecretFile               string
	CertificateFile, KeyFile string
	// Resource is what tokens are for. Empty is DefaultResource.
	Resource string
	// Authority is where tokens are issued, without the tenant. Empty is DefaultAuthority. It is asked, and no other host is.
	Authority string
	// Path is the file of File.
	Path string
	// Argv is the program of Command and its arguments. No shell reads them.
	Argv []string
	// Timeout bounds one attempt to get a token, not the time that somebody takes to sign in. 0 is 20 s.
	Timeout time.Duration
	// CacheFile keeps what a sign-in is good for (a refresh token) beyond the end of the program, for the owner only. Empty
	// keeps it in memory.
	CacheFile string
	// Report is told what somebody has to do, once for each code. It must not block. Nil: Pending tells it, and the error of
	// Token.
	Report func(SignIn)
	// Transport carries requests to Entra, and to Azure's metadata service; ccm.NewTransport makes one. It should have no
	// client certificate. Required for the first three types. Its owner closes it.
	Transport http.RoundTripper
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
	// Logger gets a line when a sign-in was not done, or cannot be kept. Nil discards.
	Logger *slog.Logger
}

// checked is the configuration with its defaults, or what is wrong with it.
func (c Config) checked() (Config, error) {
	if c.Resource == "" {
		c.Resource = DefaultResource
	}
	if c.Authority == "" {
		c.Authority = DefaultAuthority
	}
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Report == nil {
		c.Report = func(SignIn) {}
	}
	if c.Timeout < 0 {
		return c, errors.New("the timeout must not be negative")
	}
	return c, c.validate()
}

func (c Config) validate() error {
	switch c.Type {
	case ClientCredentials:
		if (c.SecretFile == "") == (c.CertificateFile == "") || (c.CertificateFile == "") != (c.KeyFile == "") {
			return errors.New("an application needs a secret file, or a certificate file with a key file")
		}
		return c.validateTenant()
	case DeviceCode:
		if err := c.validateTenant(); err != nil {
			return err
		}
		// Microsoft's library makes one URL of the other by replacing this word, wherever it is.
		if strings.Contains(strings.ToLower(c.Authority+c.Tenant), "token") {
			return errors.New(`with device_code neither the authority nor the tenant may have "token" in it; use the id of the tenant`)
		}
	case ManagedIdentity:
		if c.Transport == nil {
			return errors.New("the transport is missing")
		}
	case File:
		if c.Path == "" {
			return errors.New("the path of the file is missing")
		}
	case Command:
		if len(c.Argv) == 0 || c.Argv[0] == "" {
			return errors.New("no program is named")
		}
	default:
		return fmt.Errorf("there is no type %q", c.Type)
	}
	return nil
}

func (c Config) validateTenant() error {
	u, err := url.Parse(c.Authority)
	switch {
	case c.Transport == nil:
		return errors.New("the transport is missing")
	case c.Tenant == "" || strings.Trim(strings.ToLower(c.Tenant), "abcdefghijklmnopqrstuvwxyz0123456789.-") != "":
		return errors.New("the tenant has to be an id or a domain")
	case c.ClientID == "":
		return errors.New("the id of the application is missing")
	case err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("the authority has to be an https URL of a host alone")
	}
	return nil
}

// authority is the URL that a tenant issues tokens at.
func (c Config) authority() string { return strings.TrimRight(c.Authority, "/") + "/" + c.Tenant }

// scope is the resource as it is asked for: all that the application is allowed (Microsoft Learn, "Scopes and permissions").
func (c Config) scope() string { return c.Resource + "/.default" }
