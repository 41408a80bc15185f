package sim

import (
	"crypto/x509"
	"strconv"
	"strings"
)

// locate answers ContentLocationRequest. What it says about the request and the reply is from client logs of 2013 to 2021.
func (v *visit) locate(msg *message) (reply, error) {
	c, err := v.sender(msg)
	if err != nil {
		return reply{}, err
	}
	if c == nil && v.set.Anonymous == AnonymousNothing {
		return reply{}, refused("locations are for machines that sign")
	}
	q, err := v.want(msg.body, c)
	if err != nil {
		return reply{}, err
	}
	l := &locationReply{visit: v, q: q, tokens: c != nil || v.set.Anonymous == AnonymousTokens}
	if c != nil {
		l.to = c.encryption
	}
	root, err := l.make()
	if err != nil {
		return reply{}, err
	}
	return reply{body: root.String()}, nil
}

// want reads what is asked for. A content that the site does not have is no error; its version is nil then.
func (v *visit) want(request *xmlNode, c *clientRecord) (q wanted, err error) {
	q.info = request.at("ClientLocationInfo")
	pkg := request.at("Package")
	version := 0
	switch {
	case q.info == nil:
		return q, refused("the request has no ClientLocationInfo")
	case pkg != nil:
		v.entry.Content = pkg.attr("ID")
		if version, err = strconv.Atoi(pkg.attr("Version")); err != nil || version < 1 {
			return q, refused("the request names no version")
		}
	case request.at("ClientPackage") != nil:
		v.entry.Content, q.clientPackage = v.set.ClientPackage, true
	default:
		return q, refused("the request names no content")
	}
	switch {
	case c != nil:
		q.client = strings.ToLower(strings.TrimPrefix(c.SMSID, "GUID:"))
	case v.set.Anonymous == AnonymousTokens:
		q.client = "00000000-0000-0000-0000-000000000000"
	}
	if site := request.at("AssignedSite").attr("SiteCode"); site != "" && !strings.EqualFold(site, v.m.config.SiteCode) {
		return q, nil // another site's content
	}
	q.find(v.m.config.Library, v.entry.Content, version)
	return q, nil
}

// find looks a content up by the id that messages have: "PS100015", "Content_<guid>", "UID:<guid>". Version 0 is the newest, and the
// only one of a package: its folder at a distribution point has no version, and holds what was distributed last.
func (q *wanted) find(l *Library, id string, version int) {
	kind := "SMSPackage"
	if update, ok := cutPrefixFold(id, "UID:"); ok {
		id, kind = update, "SMSUpdate"
	} else if guid.MatchString(id) {
		return // an update's id without its prefix is nobody's
	}
	versions := l.Versions(id)
	if version == 0 {
		version = len(versions)
	}
	if !strings.EqualFold(q.info.attr("LocationType"), kind) || version < 1 || version > len(versions) {
		return
	}
	q.version = versions[version-1]
	q.segment = q.version.Content
	if _, _, err := splitSegment(q.segment); err == nil && version < len(versions) {
		q.version = nil
	} else if err != nil {
		q.segment = q.version.Segment() // an application is named with its version
	}
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// locationReply is a ContentLocationReply in the making.
type locationReply struct {
	*visit
	q      wanted
	tokens bool              // who asks may have some
	to     *x509.Certificate // whom they are encrypted to
	needed bool              // a record wants one of the site's
	site   *issued           // that one, once it was issued
}

func (l *locationReply) make() (*xmlNode, error) {
	root := node("ContentLocationReply", "SchemaVersion", "1.00", "BGRVersion", "1")
	sites := node("Sites")
	if l.q.version != nil {
		if err := l.addSites(sites); err != nil {
			return nil, err
		}
	}
	if len(sites.children) == 0 { // as a client logged it (issue 69 of ModernDriverManagement)
		return root.with(l.boundaryGroups(false), node("ContentInfo"),
			sites.with(node("Site").with(l.mpSite("", "FALLBACK"), node("LocationRecords"))), node("RelatedContentIDs")), nil
	}
	hash := contentHash(l.q.version)
	root.attrs = append(root.attrs, node("", "ContentFlags", "200960", "HashAlgorithm", "32780", "AlgorithmPreference", "4", "Hash", hash,
		"ExcludeFileListHash", "", "RelatedContentID", "").attrs...)
	root.with(l.boundaryGroups(true), node("ContentInfo", "PackageFlags", "32").with(node("ContentHashValues").with(
		node("Hash", "Algorithm", "32780", "HashString", hash, "HashPreference", "4"))))
	if l.q.clientPackage {
		root.with(l.clientPackage(hash))
	}
	root.with(sites, node("RelatedContentIDs"))
	if l.set.Strange {
		root.set("FutureAttribute", "1")
		root.with(node("FutureElement", "Kind", "2").with(leaf("Detail", "nobody knows")))
	}
	if l.set.Delivery.Place == PlaceRoot {
		return root, l.putSiteToken(root)
	}
	return root, nil
}

func (l *locationReply) mpSite(code, locality string) *xmlNode {
	code = orDefault(code, l.m.config.SiteCode)
	n := node("MPSite", "SiteCode", code, "MasterSiteCode", code, "SiteLocality", locality)
	if locality != "FALLBACK" {
		n.set("IISPreferedPort", portOf(l.m.URL("http")))
		n.set("IISSSLPreferedPort", portOf(l.m.URL("https")))
	}
	return n
}

func (l *locationReply) boundaryGroups(any bool) *xmlNode {
	n := node("BoundaryGroups", "BoundaryGroupListRetrieveTime", l.now.UTC().Format("2006-01-02T15:04:05.000"), "IsOnVPN", "0")
	if any {
		n.with(node("BoundaryGroup", "GroupID", "5", "GroupGUID", "{6F1A3C52-7B1E-4D55-9C3F-2A1B0C9D8E7F}"))
	}
	return n.with(node("DOINCServers"))
}

// clientPackage describes the client package. The properties are those of the Client Messaging SDK; their spelling here is
// a guess.
func (l *locationReply) clientPackage(hash string) *xmlNode {
	p := l.q.version
	return node("ClientPackage", "FullPackageID", p.Content, "FullPackageVersion", strconv.Itoa(p.Number), "FullPackageHash", hash,
		"MinimumClientVersion", mpVersion, "LastModifiedTime", newest(p).Format(messageTime), "PeerCacheEnabled", "0", "Enabled", "1")
}
