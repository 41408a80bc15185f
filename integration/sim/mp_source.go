package sim

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Source is a place that location replies name: a distribution point, a content service in the cloud, or a peer. Exactly
// one of DP, Cloud and Peer is to be set.
type Source struct {
	// DP is named once for each of its directories, if it has the content.
	DP *DP
	// Directories are those that are named, in that order. Empty means VdirToken, VdirPlain and VdirNoCert, as far as the DP
	// has them. A token directory is named to clients only that say that they understand it (DPTokenAuth="1").
	Directories []Vdir
	// Together puts the URLs of the directories that want no token into one record. Otherwise each has one of its own.
	Together bool
	// Cloud is named with a query that is signed for the client, to clients that say that they can use it (UseAzure="1"). If
	// it wants tokens, the record carries one.
	Cloud *ContentService
	// Peer is the name of another client with the content. It is named with its port 8003, to clients that say that they can
	// use it (AllowSuperPeer="1").
	Peer string
	// Always names the place to clients also that do not say so.
	Always bool
	// Locality is what the record says about its distance. Empty means SUBNET for a DP, LOCAL for a cloud, SUBNETPEER for a
	// peer. Further words are not public.
	Locality string
	// Type is what the record says about the kind of server. Empty means SERVER for a DP and a peer, which client logs show,
	// and CLOUD for a cloud, which is made up.
	Type string
	// Site and SiteLocality are the site that it belongs to. Empty means the site of the management point, and LOCAL. Sources
	// next to each other with the same site share one element of the reply.
	Site, SiteLocality string
}

func (s *Source) complete() error {
	set := 0
	for _, is := range []bool{s.DP != nil, s.Cloud != nil, s.Peer != ""} {
		if is {
			set++
		}
	}
	switch {
	case set != 1:
		return errors.New("it is not exactly one of a DP, a cloud and a peer")
	case s.Cloud != nil && s.Cloud.config.SignatureHeader != "":
		return errors.New("a location has no place for a signature that travels in a header")
	case strings.ContainsAny(s.Peer, "/:?# "):
		return fmt.Errorf("the peer %q is no host name", s.Peer)
	}
	for _, v := range s.Directories {
		if v >= vdirs {
			return fmt.Errorf("there is no virtual directory %d", v)
		}
	}
	if len(s.Directories) == 0 {
		s.Directories = []Vdir{VdirToken, VdirPlain, VdirNoCert}
	}
	locality, kind := "SUBNET", "SERVER"
	switch {
	case s.Cloud != nil:
		locality, kind = "LOCAL", "CLOUD"
	case s.Peer != "":
		locality = "SUBNETPEER"
	}
	s.Locality, s.Type = cmp.Or(s.Locality, locality), cmp.Or(s.Type, kind)
	s.SiteLocality = cmp.Or(s.SiteLocality, "LOCAL")
	return nil
}

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

// siteTokens are the sets of tokens that the distribution points of some sources accept, each once.
func siteTokens(sources []Source) (sets []*Tokens) {
	for _, s := range sources {
		if s.DP != nil && s.DP.config.Tokens != nil && !slices.Contains(sets, s.DP.config.Tokens) {
			sets = append(sets, s.DP.config.Tokens)
		}
	}
	return sets
}
