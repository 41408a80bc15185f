package sim

import (
	"net"
	"strings"
)

// wanted is what a client asks for.
type wanted struct {
	version       *Version // nil: the site does not have it
	segment       string   // as URLs name it
	client        string   // GUID of the client, lower case; empty: nobody knows it
	clientPackage bool     // asked for by that name
	info          *xmlNode // ClientLocationInfo
}

// can says whether the client has said that it can use something.
func (q wanted) can(attribute string) bool { return q.info.attr(attribute) == "1" }

// record is a location record to be.
type record struct {
	urls     []string
	server   string
	sslState int
	token    bool            // it needs one of the site's
	cloud    *ContentService // it is one
	source   Source
}

// SSLState of a record (Client Messaging SDK): HTTPS with a client certificate and its revocation check.
const sslClientCertificate = 63

// records is how the source appears in a reply: not at all when it lacks the content, or when the client cannot use it.
func (s Source) records(q wanted) []record {
	switch {
	case s.Cloud != nil:
		return s.cloudRecords(q)
	case s.Peer != "":
		if !s.Always && !q.can("AllowSuperPeer") {
			return nil
		}
		url := "https://" + net.JoinHostPort(s.Peer, "8003") + "/SCCM_BranchCache$/" + q.segment
		return []record{{urls: []string{url}, server: s.Peer, sslState: sslClientCertificate, source: s}}
	case q.info.attr("AllowHTTP") == "0" && !s.Always:
		return nil
	}
	if _, held := s.DP.resolve(q.version.Segment()); !held {
		return nil
	}
	return s.dpRecords(q)
}

func (s Source) dpRecords(q wanted) (list []record) {
	together := -1
	for _, v := range s.Directories {
		url, access := s.DP.located(v, q.segment)
		if url == "" || v == VdirToken && !s.Always && !q.can("DPTokenAuth") {
			continue
		}
		r := record{urls: []string{url}, server: s.DP.setup.host, token: access == AccessToken, source: s}
		if access == AccessCertificate {
			r.sslState = sslClientCertificate
		}
		open := access == AccessAnonymous || access == AccessWindows
		if open && s.Together && together >= 0 {
			list[together].urls = append(list[together].urls, url)
			continue
		}
		if open && together < 0 {
			together = len(list)
		}
		list = append(list, r)
	}
	return list
}

func (s Source) cloudRecords(q wanted) []record {
	if !s.Always && !q.can("UseAzure") || q.client == "" {
		return nil
	}
	if _, held := s.Cloud.config.Storage.config.Library.resolve(q.version.Segment(), nil); !held {
		return nil
	}
	at := s.Cloud.Locate(q.client, q.segment)
	return []record{{urls: []string{at.URL.Reveal()}, server: s.Cloud.setup.host, cloud: s.Cloud, source: s}}
}

// located is the URL of a content in a directory, and how the directory lets requests in. The URL is empty when the DP has
// no such directory.
func (d *DP) located(v Vdir, segment string) (string, Access) {
	d.mu.Lock()
	access := d.access[v]
	d.mu.Unlock()
	if access == AccessOff {
		return "", access
	}
	url := d.Location(v, segment)
	if needsTLS := access == AccessToken || access == AccessCertificate; needsTLS && strings.HasPrefix(url, "http:") {
		url = d.URL("https") + strings.TrimPrefix(url, d.URL("http"))
	}
	return url, access
}
