// Package content answers one question: which file of Configuration Manager content does this request ask for? It is
// pure: no network, no disk, no state.
//
// One file has many spellings (virtual-directory aliases, the sccm?/ and the direct form, %24, letter case, default
// ports, signatures); all of them fold to one ID. Two different files never share an ID. What is not understood is not content, and
// the caller passes it through untouched.
package content

import (
	"net/http"
	"time"
)

// Share is the kind of object that a virtual directory of a distribution point (DP) holds.
type Share uint8

const (
	// Package is SMS_DP_SMSPKG$ and its aliases: the files of packages, applications, updates and images.
	Package Share = iota
	// Signature is SMS_DP_SMSSIG$ and its aliases: the RDC signature container of a content version.
	Signature
	// Blob is a blob of Azure storage, where cloud distribution points keep their files. Its ID says nothing about whose
	// content it is.
	Blob
)

// Vdir is the virtual directory, and so the way of authenticating, that a URL names. It is no part of the identity.
type Vdir uint8

const (
	// Plain is SMS_DP_SMSPKG$ or SMS_DP_SMSSIG$: anonymous, Windows authentication or a client certificate.
	Plain Vdir = iota
	// NoCert is the NOCERT_ alias: Windows authentication over HTTPS without a client certificate.
	NoCert
	// TokenAuth is the CCMTOKENAUTH_ alias: HTTPS, access by a token in a request header.
	TokenAuth
)

// ID names one file of content: the same for every spelling of its URL and on every DP of a hierarchy. It is comparable.
type ID struct {
	// Hierarchy separates sites that number their packages alike, and storage services that know nothing of each other. Parse
	// and ParseBlob leave it empty; the caller, who knows which hierarchy a host belongs to, sets it.
	Hierarchy string
	// Share tells files from signature containers.
	Share Share
	// Content is the content ID in lower case as the URL gave it: "ps100015", "ps100015.3", "content_<guid>.1", "<guid>". Of a
	// blob it is the container.
	Content string
	// Path is the file's path in the content, separated by "/", never empty, without "." and ".." segments; in lower case
	// unless it is a blob's, where letter case counts.
	Path string
}

// Target is one request for content: the ID, and what is needed to ask a DP for it in the client's own words.
type Target struct {
	ID   ID
	Vdir Vdir
	// Scheme is "http" or "https".
	Scheme string
	// Host is host:port, lower case, the port always present.
	Host string
	// Raw is the origin-form request target byte for byte as the client sent it. It is never re-encoded. That of a blob may hold
	// a signature, which is a secret.
	Raw string
	// Signed says that the query of Raw is the right to read a blob.
	Signed bool
	// Until is when that right ends by its own words. Zero: it does not say.
	Until time.Time
	// Header holds the client's own end-to-end request headers: credentials, and whatever else a DP may want to see. Nil
	// is legal.
	Header http.Header
}
