package ccm

import (
	"net/url"
	"strings"
)

// Access is what a location wants to see of those who ask it.
type Access string

const (
	// AccessOpen is nothing, or a Windows account: which of the two shows in the first answer.
	AccessOpen Access = "open"
	// AccessToken is a token, of the site for a distribution point and of the gateway for a cloud distribution point.
	AccessToken Access = "token"
	// AccessCertificate is a TLS client certificate.
	AccessCertificate Access = "certificate"
)

// Location is one URL that has a content.
type Location struct {
	// URL is the folder of the content, as the site gave it but for its query.
	URL string
	// Query is what follows "?" in the URL. That of a cloud distribution point may be signed, and is a secret. Zero: there is
	// none.
	Query Secret
	// Signature is the URL of its signature. Empty: there is none.
	Signature string
	// Access is what it wants to see.
	Access Access
	// Cloud is true of a cloud distribution point: URL leads to a list of signed URLs, and is no folder.
	Cloud bool
	// SSLState and AuthMethod are what the site says about its HTTPS and authentication.
	SSLState   SSLState
	AuthMethod uint32
	// Site is the code of the site that it belongs to.
	Site string
	// Locality and SiteLocality are how near it and its site are, in the site's words.
	Locality, SiteLocality string
	// Server is its name, and Type the kind of server, in the site's words.
	Server, Type string
	// Version is the version of the server's software. Empty: it was not said.
	Version string
	// Trusted is true when the server is in a forest that the site trusts.
	Trusted bool
	// Token is the token that came with this location. Zero: none did, or it is no cloud location and the site's token is
	// delivered in another way than InLocationReply.
	Token Token
}

// cloudService is the content service of a gateway (Microsoft's documentation of Microsoft Entra clients).
const cloudService = "/downloadrestservice.svc/"

// access decides from what the site said, and from the directory that the URL names.
func (l Location) access() Access {
	path := strings.ToUpper(l.URL)
	switch {
	case l.Cloud, l.AuthMethod&authMethodToken != 0, strings.Contains(path, "/CCMTOKENAUTH_"):
		return AccessToken
	case strings.Contains(path, "/NOCERT_"):
		return AccessOpen
	case l.SSLState&ClientAuthRequired != 0 && strings.HasPrefix(path, "HTTPS:"):
		return AccessCertificate
	}
	return AccessOpen
}

// isPeer tells whether a record is that of another client. Peer caches listen on port 8003 and share SCCM_BranchCache$.
func isPeer(u *url.URL, locality string) bool {
	return u.Port() == "8003" || strings.HasSuffix(strings.ToUpper(locality), "PEER") ||
		strings.Contains(strings.ToUpper(u.Path), "/SCCM_BRANCHCACHE$")
}

// contentURL parses a URL of an answer. It is nil for what this program cannot ask: file shares, and URLs that are broken.
// The text up to the query stays as it came: "$" and letter case are part of what servers are asked.
func contentURL(raw string) (u *url.URL, before string, query Secret) {
	raw, _, _ = strings.Cut(raw, "#")
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, "", Secret{}
	}
	before, after, _ := strings.Cut(raw, "?")
	if after == "" {
		return u, before, Secret{}
	}
	if query, err = NewSecret(after); err != nil {
		return nil, "", Secret{}
	}
	return u, before, query
}

// Target is the whole URL, with its query. Take care where it goes.
func (l Location) Target() string {
	if l.Query.IsZero() {
		return l.URL
	}
	return l.URL + "?" + l.Query.Reveal()
}
