package ccm

import "context"

const mpListNames = `
	MPList/MP MP/@Name MP/@FQDN MP/@SiteCode MP/Version MP/Capabilities Capabilities/@SchemaVersion Capabilities/Property
	Property/@Name Property/@Value`

// ManagementPoints are the management points of a hierarchy.
type ManagementPoints struct {
	// List holds them in the order of the site.
	List []ManagementPoint
	// Unknown are the names in the answer that this package does not know.
	Unknown []string
}

// ManagementPoint is one management point.
type ManagementPoint struct {
	// Name is its name, and FQDN its full name. One of them may be empty.
	Name, FQDN string
	// Site is the code of its site. Empty: it was not said.
	Site string
	// Version is the build of its software.
	Version string
	// SSLState is how its HTTPS is set.
	SSLState SSLState
}

// ManagementPoints asks for the management points of the hierarchy.
func (b *Bootstrap) ManagementPoints(ctx context.Context) (ManagementPoints, Source, error) {
	return read(ctx, b.list, parseMPList)
}

func parseMPList(body []byte) (ManagementPoints, error) {
	root, err := parseDocument(body)
	if err != nil {
		return ManagementPoints{}, err
	}
	if root.name != "MPList" {
		return ManagementPoints{}, errOtherReply
	}
	var all ManagementPoints
	for _, mp := range root.all("MP") {
		m := ManagementPoint{
			Name: mp.attr("Name"), FQDN: mp.attr("FQDN"), Site: mp.attr("SiteCode"), Version: mp.value("Version"),
			SSLState: SSLState(capability(mp, "SSLState")),
		}
		if m.Name != "" || m.FQDN != "" {
			all.List = append(all.List, m)
		}
	}
	all.Unknown = newVocabulary(mpListNames).unknown(root)
	return all, nil
}

// parseDocument reads the XML of an answer to GET.
func parseDocument(body []byte) (*element, error) {
	text, err := decodeAny(body)
	if err != nil {
		return nil, err
	}
	return parseXML(text)
}
