package content

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ParseBlob says which blob of Azure storage a request asks for, as a client of a cloud distribution point or of a cloud
// management gateway does. The caller has established that the host is a storage service. scheme, host and raw are as in
// Parse.
//
// The container and the path are the blob's name, letter by letter: names of blobs are case-sensitive (Storage REST docs,
// "Naming and referencing containers, blobs, and metadata"). "%2F" is "/", as the storage SDKs write the name of a blob in a
// folder. The query of a signed URL says who may read the blob and until when, and is no part of the name; the target tells
// whether there is one, and when it ends. A URL without a query is that of a blob in a public container.
//
// Not content: a query that names anything else than the right to read (see blobParameters), blobs of the root container and
// of the containers that begin with "$", empty segments, and those that end with a dot or climb, "\" (which a server may take
// for "/"), "?" (which may begin a query that was escaped by mistake: it is a secret, and names are not), control characters and
// bytes that are not UTF-8.
func ParseBlob(scheme, host, raw string) (Target, bool) {
	scheme = strings.ToLower(scheme)
	authority, ok := HostPort(scheme, host)
	if !ok || !requestBytes(raw) || !strings.HasPrefix(raw, "/") || strings.Contains(raw, "#") {
		return Target{}, false
	}
	name, query, _ := strings.Cut(raw[1:], "?")
	container, rest, _ := strings.Cut(name, "/")
	path, ok := unescape(rest, strict)
	if !ok || !isContainer(container) || !isBlobPath(path) {
		return Target{}, false
	}
	until, ok := readSignature(query)
	if !ok {
		return Target{}, false
	}
	return Target{
		ID: ID{Share: Blob, Content: container, Path: path}, Scheme: scheme, Host: authority, Raw: raw,
		Signed: query != "", Until: until,
	}, true
}

// isContainer recognizes the name of a container (Storage REST docs, "Naming and referencing containers"): 3 to 63 lower-case
// letters, digits and single hyphens between them.
func isContainer(s string) bool {
	return 3 <= len(s) && len(s) <= 63 && only(s, func(b byte) bool { return alphanumeric(b) || b == '-' }) &&
		s[0] != '-' && s[len(s)-1] != '-' && !strings.Contains(s, "--")
}

// maxBlobPath is how many characters the name of a blob has at most.
const maxBlobPath = 1024

// isBlobPath says whether decoded text is the name of a blob that every server would read as we do.
func isBlobPath(path string) bool {
	if !utf8.ValidString(path) || utf8.RuneCountInString(path) > maxBlobPath || strings.ContainsFunc(path, unicode.IsControl) ||
		strings.ContainsAny(path, `\?`) || hidesMore(path) {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || strings.HasSuffix(segment, ".") || climbs(segment) {
			return false
		}
	}
	return true
}

// blobHeaders are the request headers of the storage service that change nothing of the answer's bytes: the version of the
// protocol, a name of the request for the service's log, and the time that a signature is about.
var blobHeaders = map[string]bool{"X-Ms-Version": true, "X-Ms-Client-Request-Id": true, "X-Ms-Date": true}

// PlainBlobRequest says whether a request with these headers asks for a blob as it is. Others choose a range behind the back
// of Range (x-ms-range comes before it), bring a key or a condition, or ask for another form of the bytes (Storage REST docs,
// "Get Blob"); what is not known may do any of this.
func PlainBlobRequest(h http.Header) bool {
	for name := range h {
		if name = http.CanonicalHeaderKey(name); strings.HasPrefix(name, "X-Ms-") && !blobHeaders[name] {
			return false
		}
	}
	return true
}
