// Package hop knows what of a message belongs to one connection and not to the request: headers that end at the next hop, and
// authentication that proves who a connection is. What is to keep no connections any more is Retiring.
package hop

import (
	"net/http"
	"strings"
)

// headers end at the next hop (RFC 9110, section 7.6.1, and older conventions).
var headers = [...]string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// EndToEnd returns a copy of h without what ends here.
func EndToEnd(h http.Header) http.Header {
	h = h.Clone()
	Remove(h)
	return h
}

// Remove takes out of h what ends here: headers that do by their nature, and those that Connection names.
func Remove(h http.Header) {
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range headers { // as the map has them
		delete(h, name)
	}
}

// LogsIn tells whether a request is part of a Windows authentication, which proves the identity of a connection and not of a
// request (RFC 4559), in one or in several legs.
func LogsIn(h http.Header) bool { return some(h["Authorization"], isWindows) }

// AsksForLogin tells whether an answer asks for Windows authentication.
func AsksForLogin(h http.Header) bool { return some(h["Www-Authenticate"], isWindows) }

// Binds tells whether a request may prove the identity of its connection in any way: nobody else may use that connection
// afterwards. Schemes that are known to prove no more than the request do not.
func Binds(h http.Header) bool {
	return some(h["Authorization"], func(scheme string) bool {
		return scheme != "basic" && scheme != "bearer" && scheme != "digest"
	})
}

func isWindows(scheme string) bool { return scheme == "ntlm" || scheme == "negotiate" }

// some tells whether one of the values has a scheme, in lower case, that is such. A value without one has the scheme "".
func some(values []string, such func(scheme string) bool) bool {
	for _, value := range values {
		scheme := ""
		if words := strings.Fields(value); len(words) > 0 {
			scheme = strings.ToLower(words[0])
		}
		if such(scheme) {
			return true
		}
	}
	return false
}
