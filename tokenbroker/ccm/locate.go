package ccm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
)

// LocationSettings say what is asked of the site's content, and how the answer is read.
type LocationSettings struct {
	// Attributes are further attributes of ClientLocationInfo, or other values for those that are sent anyway; an empty value
	// leaves one out. What is sent is what a client of 2021 logged, without the transports that this program does not speak:
	// UseAzure="1" asks for cloud distribution points, UseInternetDP="0" for those that face the internet,
	// DPTokenAuth="1" for those that take a token.
	Attributes map[string]string
	// DeploymentFlags is the 64-bit set of flags of a deployment. 0 is 4352 (0x1100: download from fast boundaries, not from
	// slow ones), and 4098 for the client package. Which flags a site requires is not public; a client of 2021 logged
	// 9223372036855313105.
	DeploymentFlags uint64
	// Unsigned sends the request without a signature. A site over HTTP answers it, but whether with a token is not public.
	Unsigned bool
	// Localities orders the locations of a site by their Locality; those that are not listed come last. Empty is "SUBNET",
	// "LOCAL". These two (and SUBNETPEER) are all that public logs show; others exist.
	Localities []string
	// SiteLocalities orders the sites of an answer by their SiteLocality in the same way. Empty is "LOCAL"; the other one that
	// is known is "FALLBACK".
	SiteLocalities []string
	// CloudTypes are the values of DPType that mean a cloud distribution point. None is public. URLs of the content service
	// of a gateway are known without it.
	CloudTypes []string
}

func (s LocationSettings) withDefaults() LocationSettings {
	if len(s.Localities) == 0 {
		s.Localities = []string{"SUBNET", "LOCAL"}
	}
	if len(s.SiteLocalities) == 0 {
		s.SiteLocalities = []string{"LOCAL"}
	}
	return s
}

func (s LocationSettings) validate() error {
	for name := range s.Attributes {
		if !isXMLName(name) {
			return fmt.Errorf("content location: %q is no name for an attribute", name)
		}
	}
	return nil
}

// Place is where content is asked from. The site chooses distribution points by it.
type Place struct {
	// ADSite, Forest and Domain are what Active Directory says of the machine. Empty: nothing.
	ADSite, Forest, Domain string
	// Networks are the addresses of the machine with their networks.
	Networks []netip.Prefix
	// BoundaryGroups are those that the machine is known to be in. Empty: the site finds out by the rest.
	BoundaryGroups []BoundaryGroup
}

// BoundaryGroup is one boundary group of a site.
type BoundaryGroup struct {
	ID   int
	GUID string
}

// Locate asks where a content is, for a machine in that place.
func (c *Client) Locate(ctx context.Context, content Content, place Place) (Locations, error) {
	const op = "ask for content locations"
	root, err := c.ask(ctx, op, content, place)
	if err != nil {
		return Locations{}, err
	}
	found, err := c.reader.read(root, c.config.Identity, c.config.Now())
	if err != nil {
		return Locations{}, nonsense(op, err)
	}
	return found, nil
}

// ask sends a content location request and returns the XML of the answer.
func (c *Client) ask(ctx context.Context, op string, content Content, place Place) (*element, error) {
	if content.Kind != ClientPackage && (content.ID == "" || content.Version < 1) {
		return nil, fmt.Errorf("%s: %w", op, errors.New("a content other than the client package has an id and a version"))
	}
	request := c.locationRequest(content, place)
	return c.post(ctx, op, outgoing{endpoint: locationEndpoint, body: request.String(), signed: !c.config.Location.Unsigned})
}

// locationRequest is a content location request in the form that a client of 2021 logged.
func (c *Client) locationRequest(content Content, place Place) *element {
	e := tag("ContentLocationRequest", "SchemaVersion", "1.00", "BGRVersion", "1", "ClientInOperation", "PT0M",
		"ExcludeFileList", "")
	flags := c.config.Location.DeploymentFlags
	if content.Kind == ClientPackage {
		set(&flags, 4098)
		e.with(tag("ClientPackage", "RequestForLatest", "0", "DeploymentFlags", strconv.FormatUint(flags, 10)))
	} else {
		set(&flags, 4352)
		e.with(tag("Package", "ID", content.ID, "Version", strconv.Itoa(content.Version),
			"DeploymentFlags", strconv.FormatUint(flags, 10)))
	}
	return e.with(tag("AssignedSite", "SiteCode", c.config.SiteCode), c.clientInfo(content, place))
}

// clientInfo says what the client can do and where it is.
func (c *Client) clientInfo(content Content, place Place) *element {
	e := tag("ClientLocationInfo", "LocationType", content.locationType(), "DistributeOnDemand", "0", "UseAzure", "1",
		"AllowWUMU", "0", "UseInternetDP", "0", "AllowHTTP", "1", "AllowSMB", "0", "AllowMulticast", "0",
		"AllowSuperPeer", "0", "DPTokenAuth", "1")
	for _, name := range slices.Sorted(maps.Keys(c.config.Location.Attributes)) {
		e.override(name, c.config.Location.Attributes[name])
	}
	addresses := tag("IPAddresses")
	for _, n := range place.Networks {
		addresses.with(tag("IPAddress", "SubnetAddress", n.Masked().Addr().String(), "Address", n.Addr().String()))
	}
	e.with(tag("ADSite", "Name", place.ADSite), tag("Forest", "Name", place.Forest), tag("Domain", "Name", place.Domain), addresses)
	if len(place.BoundaryGroups) == 0 {
		return e
	}
	groups := tag("BoundaryGroups", "BoundaryGroupListRetrieveTime", c.config.Now().UTC().Format("2006-01-02T15:04:05.000"),
		"IsOnVPN", "0")
	for _, g := range place.BoundaryGroups {
		groups.with(tag("BoundaryGroup", "GroupID", strconv.Itoa(g.ID), "GroupGUID", g.GUID, "GroupFlag", "0"))
	}
	return e.with(groups)
}

// override gives an attribute another value, adds it, or with an empty value leaves it out.
func (e *element) override(name, value string) {
	e.attrs = slices.DeleteFunc(e.attrs, func(a attribute) bool { return a.name == name && value == "" })
	i := slices.IndexFunc(e.attrs, func(a attribute) bool { return a.name == name })
	switch {
	case i >= 0:
		e.attrs[i].value = value
	case value != "":
		e.attrs = append(e.attrs, attribute{name, value})
	}
}
