package sim

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
)

// addSites adds the sources that have the content, in their order; neighbors of the same site share an element.
func (l *locationReply) addSites(sites *xmlNode) error {
	var records, site, served *xmlNode // served has its token
	var last Source
	for _, s := range l.set.Sources {
		for _, r := range s.records(l.q) {
			if site == nil || s.Site != last.Site || s.SiteLocality != last.SiteLocality {
				records = node("LocationRecords")
				site = node("Site").with(l.mpSite(s.Site, s.SiteLocality), records)
				sites.with(site)
				last = s
			}
			n, err := l.record(r)
			if err != nil {
				return err
			}
			records.with(n)
			if r.token && l.set.Delivery.Place == PlaceSite && served != site {
				served = site
				if err := l.putSiteToken(site); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// record is one LocationRecord.
func (l *locationReply) record(r record) (*xmlNode, error) {
	n := node("LocationRecord")
	for _, url := range r.urls {
		at := node("URL", "Name", url)
		if signature := l.signatureURL(url); signature != "" {
			at.set("Signature", signature)
		}
		n.with(at)
	}
	properties := []string{"SSLState", strconv.Itoa(r.sslState)}
	if r.token {
		properties = append(properties, "AuthMethod", "1024")
		l.needed = true
	}
	if l.set.Strange {
		properties = append(properties, "FutureProperty", "7")
		n.set("FutureAttribute", "1")
		n.with(leaf("FutureElement", "nobody knows"))
	}
	n.with(node("ADSite", "Name", l.q.info.at("ADSite").attr("Name")),
		node("IPSubnets").with(node("IPSubnet", "Address", l.q.info.at("IPAddresses", "IPAddress").attr("SubnetAddress")), node("IPSubnet", "Address", "")),
		node("Metric", "Value", ""), leaf("Version", mpBuild), capabilities(properties...),
		leaf("ServerRemoteName", r.server), leaf("DPType", r.source.Type), node("Windows", "Trust", "1"), leaf("Locality", r.source.Locality))
	switch {
	case r.cloud != nil:
		return n, l.putCloudToken(n, r.cloud)
	case r.token && l.set.Delivery.Place == PlaceRecord:
		return n, l.putSiteToken(n)
	}
	return n, nil
}

// signatureURL is where the signature of a content is, "" for what has none.
func (l *locationReply) signatureURL(url string) string {
	before, _, found := strings.Cut(url, "SMS_DP_SMSPKG$")
	if !found {
		return ""
	}
	return before + "SMS_DP_SMSSIG$/" + l.q.version.Segment() + ".tar"
}

// putSiteToken puts the token of the site's distribution points into an element, if one of them wants it, who asks may have
// it, and it comes this way. One reply has one such token, however often it is in it.
func (l *locationReply) putSiteToken(into *xmlNode) error {
	if !l.needed || !l.tokens || l.set.Delivery.Form != DeliverInReply {
		return nil
	}
	if l.site == nil {
		t := issue(l.set.Delivery.Life, siteTokens(l.set.Sources)...)
		l.site = &t
		l.countToken(AudienceSite)
	}
	return l.set.Delivery.put(into, *l.site, l.to)
}

// putCloudToken puts a token for a content service into its record, if it wants one.
func (l *locationReply) putCloudToken(into *xmlNode, to *ContentService) error {
	if to.config.Tokens == nil || !l.tokens {
		return nil
	}
	l.countToken(strings.TrimPrefix(to.URL("https"), "https://"))
	return l.set.Delivery.put(into, issue(l.set.Delivery.CloudLife, to.config.Tokens), l.to)
}

// contentHash stands for the hash of a content, which nobody here verifies: it differs between versions, and costs no
// reading of files that are gigabytes.
func contentHash(v *Version) string {
	h := sha256.New()
	for _, f := range v.Files() {
		_, _ = fmt.Fprintf(h, "%s %d %d\n", f.Key(), f.Size, f.ModTime.Unix()) // a hash takes everything
	}
	return upperHex(h.Sum(nil))
}
