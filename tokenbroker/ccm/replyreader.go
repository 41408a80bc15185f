package ccm

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// locationNames are what the answer to a content location request is known to hold, from client logs of 2013 to 2021.
const locationNames = `
	ContentLocationReply/@SchemaVersion ContentLocationReply/@BGRVersion ContentLocationReply/@ContentFlags
	ContentLocationReply/@HashAlgorithm ContentLocationReply/@AlgorithmPreference ContentLocationReply/@Hash
	ContentLocationReply/@ExcludeFileListHash ContentLocationReply/@RelatedContentID
	ContentLocationReply/BoundaryGroups BoundaryGroups/@BoundaryGroupListRetrieveTime BoundaryGroups/@IsOnVPN
	BoundaryGroups/BoundaryGroup BoundaryGroup/@GroupID BoundaryGroup/@GroupGUID BoundaryGroup/@GroupFlag
	BoundaryGroups/DOINCServers DOINCServers/DOINCServer DOINCServer/@DOINCServer
	ContentLocationReply/ContentInfo ContentInfo/@PackageFlags ContentInfo/ContentHashValues ContentHashValues/Hash
	Hash/@Algorithm Hash/@HashString Hash/@HashPreference
	ContentLocationReply/Sites Sites/Site Site/MPSite MPSite/@SiteCode MPSite/@MasterSiteCode MPSite/@SiteLocality
	MPSite/@IISPreferedPort MPSite/@IISSSLPreferedPort Site/LocationRecords LocationRecords/LocationRecord
	LocationRecord/URL URL/@Name URL/@Signature URL/@Capability LocationRecord/ADSite ADSite/@Name
	LocationRecord/IPSubnets IPSubnets/IPSubnet IPSubnet/@Address LocationRecord/Metric Metric/@Value
	LocationRecord/Version LocationRecord/Capabilities Capabilities/@SchemaVersion Capabilities/Property Property/@Name
	Property/@Value LocationRecord/ServerRemoteName LocationRecord/DPType LocationRecord/Windows Windows/@Trust
	LocationRecord/Locality ContentLocationReply/RelatedContentIDs`

// Locations is where a site says a content is.
type Locations struct {
	// List holds the locations, the best first: sites by their locality, in each site the locations by theirs, and what is
	// equal in the order of the management point. It is empty when the site has none, which is no error.
	List []Location
	// Peers counts the locations that are other clients. They are left to the clients.
	Peers int
	// Unusable counts the URLs that are neither http nor https, or broken.
	Unusable int
	// Token is the token that came with the answer, for all its locations of the site's own distribution points that have none
	// of their own. Zero: none did, or the site's token is delivered in another way than InLocationReply.
	Token Token
	// TokenError says why what the answer holds in the place of a token is none. Nil: nothing is wrong with it.
	TokenError error
	// Hashes are the hashes of the content, in the site's words.
	Hashes []ContentHash
	// Unknown are the names in the answer that this package does not know.
	Unknown []string
}

// ContentHash is one hash of a whole content.
type ContentHash struct {
	// Algorithm is its CryptoAPI number: "32780" is SHA-256.
	Algorithm string
	// Value is the hash in hexadecimal.
	Value string
}

// ReplyReader reads the answers to content location requests: those to a Client's, and those that pass by on their way
// from a management point to a client of its own. It never changes.
type ReplyReader struct {
	localities, siteLocalities, cloudTypes []string
	token                                  deliveryRules
}

// NewReplyReader returns a reader for the settings. token says where answers hold tokens.
func NewReplyReader(settings LocationSettings, token DPTokenSettings) (*ReplyReader, error) {
	settings, token = settings.withDefaults(), token.withDefaults()
	rules, err := token.rules()
	if err == nil {
		err = settings.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("ccm reply reader: %w", err)
	}
	return &ReplyReader{settings.Localities, settings.SiteLocalities, settings.CloudTypes, rules}, nil
}

// Read reads the body of a message. It is an error for any other message than the answer to a content location request.
// A token that is encrypted to a client stays with that client.
func (r *ReplyReader) Read(body string, now time.Time) (Locations, error) {
	root, err := parseXML(body)
	if err != nil {
		return Locations{}, err
	}
	return r.read(root, nil, now)
}

// read reads an answer for an identity, which opens what is encrypted to it. Nil is nobody.
func (r *ReplyReader) read(root *element, i *Identity, now time.Time) (Locations, error) {
	if root.name != "ContentLocationReply" {
		return Locations{}, errOtherReply
	}
	var l Locations
	sites := root.at("Sites").all("Site")
	slices.SortStableFunc(sites, func(a, b *element) int {
		return cmp.Compare(rank(r.siteLocalities, siteLocality(a)), rank(r.siteLocalities, siteLocality(b)))
	})
	tokens := r.token.inReply(root, r.clouds(sites), i, now)
	for _, site := range sites {
		l.List = append(l.List, r.site(site, tokens, &l)...)
	}
	l.Token, l.TokenError = tokens.general, tokens.err
	for _, h := range root.at("ContentInfo", "ContentHashValues").all("Hash") {
		l.Hashes = append(l.Hashes, ContentHash{h.attr("Algorithm"), h.attr("HashString")})
	}
	l.Unknown = newVocabulary(locationNames).unknown(root)
	return l, nil
}

func siteLocality(site *element) string { return site.at("MPSite").attr("SiteLocality") }

func recordsOf(site *element) []*element { return site.at("LocationRecords").all("LocationRecord") }

// clouds are the records that have the URL of a cloud distribution point.
func (r *ReplyReader) clouds(sites []*element) map[*element]bool {
	clouds := map[*element]bool{}
	for _, site := range sites {
		for _, record := range recordsOf(site) {
			clouds[record] = slices.ContainsFunc(record.all("URL"), func(at *element) bool {
				_, l := r.location(record, at)
				return l.Cloud
			})
		}
	}
	return clouds
}

// rank is the place of a word in an order. Words that are not in it come after all that are.
func rank(order []string, word string) int {
	i := slices.IndexFunc(order, func(s string) bool { return strings.EqualFold(s, word) })
	if i < 0 {
		return len(order)
	}
	return i
}

// site returns the locations of one site, in order, and counts in l what it leaves out.
func (r *ReplyReader) site(site *element, tokens replyTokens, l *Locations) (list []Location) {
	for _, record := range recordsOf(site) {
		for _, at := range record.all("URL") {
			u, found := r.location(record, at)
			switch {
			case u == nil:
				l.Unusable++
			case isPeer(u, found.Locality):
				l.Peers++
			default:
				found.Site, found.SiteLocality = site.at("MPSite").attr("SiteCode"), siteLocality(site)
				found.Token = tokens.at(record, found.Cloud)
				list = append(list, found)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Location) int {
		return cmp.Compare(rank(r.localities, a.Locality), rank(r.localities, b.Locality))
	})
	return list
}

// location is what a record says about one of its URLs. The URL is nil when it is of no use.
func (r *ReplyReader) location(record, at *element) (*url.URL, Location) {
	u, before, query := contentURL(strings.TrimSpace(at.attr("Name")))
	_, signature, _ := contentURL(strings.TrimSpace(at.attr("Signature")))
	l := Location{
		URL:        before,
		Query:      query,
		Signature:  signature,
		SSLState:   SSLState(capability(record, "SSLState")),
		AuthMethod: capability(record, "AuthMethod"),
		Locality:   record.value("Locality"),
		Server:     record.value("ServerRemoteName"),
		Type:       record.value("DPType"),
		Version:    record.value("Version"),
		Trusted:    record.at("Windows").attr("Trust") == "1",
	}
	l.Cloud = strings.Contains(strings.ToLower(l.URL), cloudService) || rank(r.cloudTypes, l.Type) < len(r.cloudTypes)
	l.Access = l.access()
	return u, l
}
