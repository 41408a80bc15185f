package ccm

import (
	"context"
	"errors"
	"net/http"
	"strconv"
)

// errOtherReply is an answer to something else than what was asked.
const errOtherReply = flaw("it answers another question")

// errNoSite is an answer with the information of no site.
const errNoSite = flaw("it names no site")

// siteNames are what the answer with a site's information is known to hold.
const siteNames = `
	SiteInfoReply/@SchemaVersion SiteInfoReply/Sites Sites/Site Site/SiteCode Site/DefaultMP Site/Version Site/BuildNumber
	Site/Capabilities Capabilities/@SchemaVersion Capabilities/Property Property/@Name Property/@Value Site/Settings
	Settings/ClientOperationalSettings ClientOperationalSettings/Version ClientOperationalSettings/SecurityConfiguration
	SecurityConfiguration/SecurityModeMask SecurityConfiguration/SecurityModeMaskEx SecurityConfiguration/HTTPPort
	SecurityConfiguration/HTTPSPort SecurityConfiguration/CertificateStoreName
	SecurityConfiguration/CertificateSelectionCriteria SecurityConfiguration/CertificateSelectFirstFlag
	SecurityConfiguration/SiteSigningCert`

// Site is what a management point tells everybody about its site.
type Site struct {
	// Code is the code of the site.
	Code string
	// DefaultMP is the name of its default management point. Empty: it was not said.
	DefaultMP string
	// Version is the version of the site, like "5.00.9128.1000".
	Version string
	// SSLState is how the site's HTTPS is set.
	SSLState SSLState
	// HTTPPort and HTTPSPort are where its servers listen. 0: it was not said.
	HTTPPort, HTTPSPort int
	// Unknown are the names in the answer that this package does not know.
	Unknown []string
}

// SiteInformation asks the management point about its site. The message is not signed and changes nothing: it is the way
// to see that a management point works.
func (c *Client) SiteInformation(ctx context.Context) (Site, error) {
	const op = "ask for site information"
	body := tag("SiteInformationRequest", "SchemaVersion", "1.00").with(tag("SiteCode", "Name", c.config.SiteCode)).String()
	root, err := c.post(ctx, op, outgoing{endpoint: locationEndpoint, body: body})
	if err != nil {
		return Site{}, err
	}
	site, err := parseSite(root)
	switch {
	case errors.Is(err, errNoSite):
		return Site{}, &Error{Op: op, Kind: ErrOtherSite, Status: http.StatusOK}
	case err != nil:
		return Site{}, nonsense(op, err)
	}
	return site, nil
}

// parseSite reads the first site of an answer.
func parseSite(root *element) (Site, error) {
	if root.name != "SiteInfoReply" {
		return Site{}, errOtherReply
	}
	e := root.at("Sites", "Site")
	code := e.value("SiteCode")
	if _, err := siteCode(code); err != nil {
		return Site{}, errNoSite
	}
	security := e.at("Settings", "ClientOperationalSettings", "SecurityConfiguration")
	return Site{
		Code:      code,
		DefaultMP: e.value("DefaultMP"),
		Version:   e.value("Version"),
		SSLState:  SSLState(capability(e, "SSLState")),
		HTTPPort:  port(security.value("HTTPPort")),
		HTTPSPort: port(security.value("HTTPSPort")),
		Unknown:   newVocabulary(siteNames).unknown(root),
	}, nil
}

// capability is the value of a property among the capabilities of e. 0 where there is none, or no number.
func capability(e *element, name string) uint32 {
	for _, p := range e.at("Capabilities").all("Property") {
		if p.attr("Name") == name {
			return uint32(number(p.attr("Value"), 32))
		}
	}
	return 0
}

// port is a TCP port. 0 where the text is none.
func port(text string) int {
	return int(number(text, 16))
}

// number is a number of that many bits without a sign. 0 where the text is none.
func number(text string, bits int) uint64 {
	n, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		return 0
	}
	return n
}
