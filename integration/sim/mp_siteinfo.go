package sim

import "strings"

const mpVersion, mpBuild = "5.00.9128.1000", "9128"

// siteInformation answers SiteInformationRequest. Element names are from a public tool and the Client Messaging SDK, how the
// settings are nested is not public.
func (v *visit) siteInformation(request *xmlNode) (reply, error) {
	sites := node("Sites")
	code := request.at("SiteCode").attr("Name")
	if code == "" || strings.EqualFold(code, v.m.config.SiteCode) {
		cert, err := v.m.keys.certificate(v.m.config.CA)
		if err != nil {
			return reply{}, err
		}
		security := node("SecurityConfiguration").with(
			leaf("SecurityModeMask", "0"), leaf("SecurityModeMaskEx", "480"),
			leaf("HTTPPort", portOf(v.m.URL("http"))), leaf("HTTPSPort", portOf(v.m.URL("https"))),
			node("CertificateStoreName"), node("CertificateSelectionCriteria"), leaf("CertificateSelectFirstFlag", "0"),
			leaf("SiteSigningCert", upperHex(cert)))
		sites.with(node("Site").with(
			leaf("SiteCode", v.m.config.SiteCode), leaf("DefaultMP", v.m.setup.host), leaf("Version", mpVersion), leaf("BuildNumber", mpBuild),
			v.capabilities(),
			node("Settings").with(node("ClientOperationalSettings").with(leaf("Version", mpVersion), security))))
	}
	return reply{body: node("SiteInfoReply", "SchemaVersion", "1.00").with(sites).String()}, nil
}

// capabilities say how the management point's HTTPS is set.
func (v *visit) capabilities() *xmlNode {
	state := "0"
	if v.set.RequireCertificate {
		state = "63"
	}
	return capabilities("SSLState", state)
}

// capabilities makes the element of that name; properties are names and values in turn.
func capabilities(properties ...string) *xmlNode {
	n := node("Capabilities", "SchemaVersion", "1.0")
	for i := 0; i+1 < len(properties); i += 2 {
		n.with(node("Property", "Name", properties[i], "Value", properties[i+1]))
	}
	return n
}

// portOf is the port of a base URL, the usual one where it names none; 0 when there is no URL.
func portOf(base string) string {
	scheme, host, ok := strings.Cut(base, "://")
	if !ok {
		return "0"
	}
	full := hostPort(scheme, host)
	return full[strings.LastIndexByte(full, ':')+1:]
}
