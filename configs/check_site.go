package configs

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// checkSite looks at what only a site needs, and only when there is one.
func (c *Config) checkSite(found *findings) {
	s := c.Site
	if !s.On() {
		return
	}
	if len(s.Code) != 3 || strings.Trim(s.Code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		found.bad("site.code", "%.64q is not the code of a site; write its three letters and digits", s.Code)
	}
	if s.Host != "" && (len(s.Host) > 15 || !isDNSName(s.Host)) {
		found.bad("site.host", "%.64q is not a NetBIOS name; write at most 15 letters and digits", s.Host)
	}
	if s.FQDN != "" && !isDNSName(s.FQDN) {
		found.bad("site.fqdn", "%.64q is not a name; write host.example.com", s.FQDN)
	}
	s.checkWays(found)
	s.checkForms(found)
	s.checkTokens(found)
	found.positive("site.locations.max_age", s.Locations.MaxAge)
	found.filled("site.locations.localities", s.Locations.Localities, "a value such as SUBNET")
	found.filled("site.locations.site_localities", s.Locations.SiteLocalities, "a value such as LOCAL")
	found.filled("site.locations.cloud_types", s.Locations.CloudTypes, "a value of DPType")
	found.between("site.registration.internet_flag", s.Registration.InternetFlag, 0, 2)
	c.checkIdentity(found)
	c.checkEntra(found)
	c.checkKeys(found)
}

// checkKeys wants what opens the gateway, and what a CCM token is exchanged for.
func (c *Config) checkKeys(found *findings) {
	s, incoming := c.Site, c.Entra.Type != EntraNone || c.Site.BulkTokenFile != ""
	if isGateway(s.Gateway) && !c.Identity.Issued() && !incoming {
		found.bad("site.gateway", "it opens to a certificate in identity, or to a token of entra or site.bulk_token_file; write one of them")
	}
	https := s.Gateway != "" || strings.HasPrefix(s.ManagementPoint, "https:")
	if s.DPToken.Delivery == "sts" && (!incoming || !https) {
		found.bad("site.dp_token.delivery", "sts needs a token of entra or site.bulk_token_file, and a gateway or a management point over https")
	}
	if strings.EqualFold(s.Directory, tokenDirectory) && (!incoming || !strings.HasPrefix(s.ManagementPoint, "https:")) {
		found.bad("site.directory", "%s needs a token of entra or site.bulk_token_file, and a management point over https", tokenDirectory)
	}
}

// tokenDirectory is the virtual directory for who shows a CCM token.
const tokenDirectory = "ccm_system_tokenauth"

// checkWays looks at the servers that are asked.
func (s Site) checkWays(found *findings) {
	if s.ManagementPoint == "" && s.Gateway == "" {
		found.bad("site.code", "nobody is there to be asked; write management_point, gateway or both")
	}
	if s.ManagementPoint != "" {
		found.url("site.management_point", s.ManagementPoint, "http", "https")
	}
	if s.Gateway != "" && !found.credentials("site.gateway", s.Gateway) && !isGateway(s.Gateway) {
		found.bad("site.gateway", "%.128q is not a management point behind a gateway; "+
			"write https://cmg.example.com/CCM_Proxy_MutualAuth/72186325152220500", s.Gateway)
	}
	if strings.Trim(strings.ToLower(s.Directory), "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || s.Directory == "" || s.Directory[0] <= '9' {
		found.bad("site.directory", "%.64q is not a virtual directory; write ccm_system or another one", s.Directory)
	}
	windows := strings.EqualFold(s.Directory, windowsDirectory)
	switch login := s.WindowsLogin; {
	case !windows && login != (WindowsLogin{}):
		found.bad("site.windows_login", "this is for the directory %s only, and the directory is %s; remove it", windowsDirectory, s.Directory)
	case login.User != "" && login.PasswordFile == "":
		found.bad("site.windows_login.password_file", "user needs this too; write the path of a file with the password")
	case login.User == "" && login.PasswordFile != "":
		found.bad("site.windows_login.user", `password_file needs this too; write DOMAIN\name$`)
	}
}

// windowsDirectory is the virtual directory in which a Windows account logs in.
const windowsDirectory = "ccm_system_windowsauth"

var gatewayPath = regexp.MustCompile(`(?i)^/ccm_proxy_(mutual|server)auth/([0-9]{1,20})/?$`)

// isGateway recognizes the form of URL that sites hand out for a management point behind a gateway.
func isGateway(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.User != nil || !strings.EqualFold(u.Scheme, "https") || !isHostPort(u.Host) || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	id := gatewayPath.FindStringSubmatch(u.Path)
	if id == nil {
		return false
	}
	_, err = strconv.ParseUint(id[2], 10, 64)
	return err == nil
}

// checkForms looks at how messages are written.
func (s Site) checkForms(found *findings) {
	found.oneOf("site.signature.hash", "hash", s.Signature.Hash, "sha256", "sha1")
	found.oneOf("site.signature.authenticator", "authenticator", s.Signature.Authenticator, "none", "clienttoken", "ccmclient")
	if strings.ContainsFunc(s.Signature.Suffix, func(r rune) bool { return r <= ' ' || r > '~' }) {
		found.bad("site.signature.suffix", "%.64q is not plain text; write ;2 or none", s.Signature.Suffix)
	}
	found.oneOf("site.signature.id_form", "form", s.Signature.IDForm, "guid", "braces")
	found.oneOf("site.signature.reply_compression", "compression", s.Signature.ReplyCompression, "zlib", "none")
}

// checkTokens looks at how tokens come and go.
func (s Site) checkTokens(found *findings) {
	found.oneOf("site.dp_token.delivery", "delivery", s.DPToken.Delivery, "location-reply", "token-manager", "token-services", "sts")
	found.oneOf("site.dp_token.decode", "wrapping", s.DPToken.Decode, "none", "base64", "hex", "cms-enveloped")
	found.filled("site.dp_token.paths", s.DPToken.Paths, "a path such as ContentLocationReply/Sites/Site/@Token")
	found.filled("site.dp_token.expiry_paths", s.DPToken.ExpiryPaths, "a path such as ContentLocationReply/@Expires")
	found.positive("site.dp_token.max_age", s.DPToken.MaxAge)
	found.carrier("site.ccm_token", s.CCMToken)
	found.carrier("site.sts.carrier", s.STS.Carrier)
	found.oneOf("site.sts.carriage", "carriage", s.STS.Carriage, "header", "body")
	found.once("site.sts.body", s.STS.Body)
	found.positive("site.sts.max_age", s.STS.MaxAge)
	if !httpguts.ValidHeaderFieldName(s.STS.Method) {
		found.bad("site.sts.method", "%.64q is not a verb; write GET or POST", s.STS.Method)
	}
	if s.STS.Carriage == "body" && (s.STS.Method == "GET" || s.STS.Method == "HEAD") {
		found.bad("site.sts.carriage", "%s has no body; write method: POST as well", s.STS.Method)
	}
	if !strings.HasPrefix(s.STS.Path, "/") || strings.ContainsAny(s.STS.Path, "?#") {
		found.bad("site.sts.path", "%.64q is not a path; write /CCM_STS", s.STS.Path)
	}
	found.place("site.sts.reply", s.STS.Reply)
	if s.STS.Expiry != "" {
		found.place("site.sts.expiry", s.STS.Expiry)
	}
}

func (f *findings) carrier(path string, c Carrier) {
	f.header(path+".header", c.Header)
	f.once(path+".format", c.Format)
}

// once wants the place of a token in a text. The text is not repeated: somebody may have written a real token into it.
func (f *findings) once(path, text string) {
	if n := strings.Count(text, "{token}"); n != 1 {
		f.bad(path, "{token} is in it %d times; write it once", n)
	}
}

// place wants where an answer has something.
func (f *findings) place(path, text string) {
	kind, rest, ok := strings.Cut(text, ":")
	switch {
	case text == "body":
	case ok && rest != "" && (kind == "json" || kind == "xml" || kind == "header"):
	default:
		f.bad(path, "%.64q is no place in an answer; write body, json:a.b, xml:Path or header:Name", text)
	}
}

// pair wants both of two settings or none.
func (f *findings) pair(path, first, second string, a, b string) {
	if a != "" && b == "" {
		f.bad(path+"."+second, "%s needs this too; write the path of a file", first)
	} else if a == "" && b != "" {
		f.bad(path+"."+first, "%s needs this too; write the path of a file", second)
	}
}

func (c *Config) checkIdentity(found *findings) {
	i := c.Identity
	if c.Cache.Directory != "" {
		found.required("identity.directory", i.Directory, "the path of a directory")
	}
	found.pair("identity", "certificate_file", "key_file", i.CertificateFile, i.KeyFile)
	var given []string
	for _, one := range []struct {
		name string
		is   bool
	}{{"pfx_file", i.PFXFile != ""}, {"certificate_file", i.CertificateFile != ""}, {"store", i.Store != (CertificateStore{})}} {
		if one.is {
			given = append(given, one.name)
		}
	}
	if len(given) > 1 {
		found.bad("identity."+given[1], "the certificate is in %s already; keep one of them", given[0])
	}
	if i.PFXFile == "" && i.PasswordFile != "" {
		found.bad("identity.password_file", "this is for pfx_file only; remove it")
	}
	if t := strings.NewReplacer(" ", "", ":", "", "\u200e", "").Replace(i.Store.Thumbprint); t != "" && !isHex(t, 40) {
		found.bad("identity.store.thumbprint", "%.64q is not a thumbprint; write its 40 hexadecimal digits", i.Store.Thumbprint)
	}
}

func isHex(text string, length int) bool {
	return len(text) == length && strings.Trim(strings.ToLower(text), "0123456789abcdef") == ""
}
