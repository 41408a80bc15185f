package configs

import (
	"net/url"
	"strings"
)

// Site says how this machine takes part in its site: whom it asks where content is and for tokens, and as whom. Much of it is
// known only from what clients log; see the comments of each setting for what is public.
type Site struct {
	// Code is the code of the site, three characters. Empty: no site is ever asked, and the rest of the section is without
	// effect. Default empty.
	Code string `yaml:"code"`
	// Host and FQDN are the NetBIOS name and the full name of this machine. Default: those of the system.
	Host string `yaml:"host"`
	FQDN string `yaml:"fqdn"`
	// ManagementPoint is the one that is asked: http(s)://host[:port]. Default: the first of the management points, over http
	// where it names no scheme.
	ManagementPoint string `yaml:"management_point"`
	// Directory is its virtual directory for messages. Default "ccm_system"; others are "ccm_system_windowsauth", where a
	// computer account logs in, "ccm_system_altauth" and, over https, "ccm_system_tokenauth".
	Directory string `yaml:"directory"`
	// WindowsLogin is the account for ccm_system_windowsauth.
	WindowsLogin WindowsLogin `yaml:"windows_login"`
	// Gateway is the management point behind a cloud management gateway, as clients know it:
	// https://cmg.example.com/CCM_Proxy_MutualAuth/72186325152220500, or the same with CCM_Proxy_ServerAuth. A certificate of a
	// public key infrastructure opens the first form, a CCM token the second; which one is used follows from Identity and Entra.
	// Default none.
	Gateway string `yaml:"gateway"`
	// Signature says how messages are signed and written.
	Signature Signature `yaml:"signature"`
	// Place says where this machine is, which is what the site chooses distribution points by.
	Place Place `yaml:"place"`
	// Locations says what is asked about content.
	Locations Locations `yaml:"locations"`
	// DPToken says where the answers of the site have the token for distribution points.
	DPToken DPToken `yaml:"dp_token"`
	// CCMToken is how a CCM token travels.
	CCMToken Carrier `yaml:"ccm_token"`
	// STS says how a token is exchanged for a CCM token.
	STS STS `yaml:"sts"`
	// BulkTokenFile holds a bulk registration token, which is exchanged where there is no Entra token. Default none.
	BulkTokenFile string `yaml:"bulk_token_file"`
	// Registration is what this machine says about itself when it registers.
	Registration Registration `yaml:"registration"`
}

// WindowsLogin is a Windows account.
type WindowsLogin struct {
	// User is DOMAIN\name or name@domain; a computer account ends with "$". Empty: on Windows the account that the program
	// runs as, elsewhere none.
	User string `yaml:"user"`
	// PasswordFile holds its password and nothing else. Required with User.
	PasswordFile string `yaml:"password_file"`
}

// Signature says how messages are signed and written. All forms are reported to work with real sites.
type Signature struct {
	// Hash is sha256, or sha1 for old sites. Default sha256.
	Hash string `yaml:"hash"`
	// Authenticator is none, or which header fields sign a request besides its message: clienttoken or ccmclient. Default none.
	Authenticator string `yaml:"authenticator"`
	// IDForm is how an authenticator spells the client id: guid or braces. Default guid.
	IDForm string `yaml:"id_form"`
	// Suffix ends a clienttoken; "none" leaves it out. Default ";2".
	Suffix string `yaml:"suffix"`
	// WithoutOID has an authenticator sign the bare hash, as task sequences do. Default false.
	WithoutOID bool `yaml:"without_oid"`
	// UnnamedKey leaves the public key out of messages. Default false.
	UnnamedKey bool `yaml:"unnamed_key"`
	// Raw sends messages as text. Default false: they are compressed.
	Raw bool `yaml:"raw"`
	// ReplyCompression is what answers are asked for in: zlib or none. Default zlib.
	ReplyCompression string `yaml:"reply_compression"`
}

// Place says where this machine is.
type Place struct {
	// ADSite, Forest and Domain are what Active Directory says of the machine. Default: nothing.
	ADSite string `yaml:"ad_site"`
	Forest string `yaml:"forest"`
	Domain string `yaml:"domain"`
	// Networks are its addresses with the length of their network, such as 10.1.0.5/24. Default: those of the machine.
	Networks []Prefix `yaml:"networks"`
}

// Locations says what is asked about content, and how the answer is read.
type Locations struct {
	// MaxAge is how long an answer is used. Default 1h; more than zero.
	MaxAge Duration `yaml:"max_age"`
	// Attributes are further attributes of ClientLocationInfo, or other values of those that are sent anyway; an empty value
	// leaves one out. Default none.
	Attributes map[string]string `yaml:"attributes"`
	// DeploymentFlags is the set of flags of a deployment, as a number. Default 0: 4352, and 4098 for the client package.
	DeploymentFlags Flags `yaml:"deployment_flags"`
	// Unsigned sends these questions without a signature. Whether a site then gives a token is not public. Default false.
	Unsigned bool `yaml:"unsigned"`
	// Localities orders the locations of a site; what is not listed comes last. Default SUBNET, LOCAL.
	Localities []string `yaml:"localities"`
	// SiteLocalities orders the sites of an answer. Default LOCAL.
	SiteLocalities []string `yaml:"site_localities"`
	// CloudTypes are the values of DPType that mean a cloud distribution point. None is public. Default none.
	CloudTypes []string `yaml:"cloud_types"`
}

// Carrier is how a token travels in a request.
type Carrier struct {
	// Header is the name of the field. Default "Authorization".
	Header string `yaml:"header"`
	// Format is its value, with {token} exactly once. Default "Bearer {token}".
	Format string `yaml:"format"`
}

// Registration is what this machine says about itself when it registers.
type Registration struct {
	// InternetFlag is 0 for a machine of the internal network, 1 for one that may be on the internet, 2 for one that always is.
	// Default 0.
	InternetFlag int `yaml:"internet_flag"`
	// Properties are further discovery properties, such as "AD Site Name". Default none.
	Properties map[string]string `yaml:"properties"`
	// SignConfirmation signs the question how a registration stands. Default false.
	SignConfirmation bool `yaml:"sign_confirmation"`
}

func defaultSite() Site {
	bearer := Carrier{Header: "Authorization", Format: "Bearer {token}"}
	return Site{
		Directory: "ccm_system", CCMToken: bearer,
		Signature: Signature{Hash: "sha256", Authenticator: "none", IDForm: "guid", Suffix: ";2", ReplyCompression: "zlib"},
		Locations: Locations{MaxAge: minutes(60), Localities: []string{"SUBNET", "LOCAL"}, SiteLocalities: []string{"LOCAL"}},
		DPToken:   DPToken{Delivery: "location-reply", Decode: "none", MaxAge: minutes(8 * 60)},
		STS: STS{
			Method: "GET", Path: "/CCM_STS", Carriage: "header", Carrier: bearer, Body: "{token}", ContentType: "text/plain", Reply: "body",
			MaxAge: minutes(8 * 60),
		},
	}
}

// On says whether a site is asked.
func (s Site) On() bool { return s.Code != "" }

// complete fills what depends on other settings.
func (s *Site) complete(managementPoints []string) {
	if s.On() && s.ManagementPoint == "" && len(managementPoints) > 0 {
		s.ManagementPoint = managementPoints[0]
		if !strings.Contains(s.ManagementPoint, "://") {
			s.ManagementPoint = "http://" + s.ManagementPoint
		}
	}
	s.Code = strings.ToUpper(s.Code)
	s.ManagementPoint = plainURL(s.ManagementPoint)
}

// SiteHosts are the servers that speak for the site: host:port of the management points and gateways that are configured, each
// once. What they say to clients may be believed.
func (c *Config) SiteHosts() []string {
	var hosts []string
	add := func(text string) {
		if !strings.Contains(text, "://") {
			hosts = append(hosts, hostPort("http://"+text), hostPort("https://"+text))
			return
		}
		hosts = append(hosts, hostPort(text))
	}
	for _, mp := range c.ManagementPoints {
		add(mp)
	}
	for _, gateway := range c.CloudManagementGateways {
		hosts = append(hosts, hostPort("https://"+gateway))
	}
	if c.Site.On() {
		for _, text := range []string{c.Site.ManagementPoint, c.Site.Gateway} {
			if text != "" {
				add(text)
			}
		}
	}
	return distinct(hosts)
}

// gatewayHosts are the names of the gateways. One that is badly written may be missing.
func (c *Config) gatewayHosts() (hosts []string) {
	for _, gateway := range append([]string{c.Site.Gateway}, c.CloudManagementGateways...) {
		if !strings.Contains(gateway, "://") {
			gateway = "https://" + gateway
		}
		if u, err := url.Parse(gateway); err == nil && u.Host != "" {
			hosts = append(hosts, strings.ToLower(u.Hostname()))
		}
	}
	return hosts
}

// hostPort returns the host of a URL with its port, the usual one of its scheme when it has none.
func hostPort(text string) string {
	_, host, _ := strings.Cut(withPort(strings.ToLower(text)), "://")
	return host
}
