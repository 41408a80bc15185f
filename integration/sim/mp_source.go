package sim

import (
	"cmp"
	"errors"
	"fmt"
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
