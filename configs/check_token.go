package configs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// shortestAge is the least age at which a token is given up. Less would have one fetched for nearly every request.
const shortestAge = Duration(time.Second)

func (c *Config) checkToken(found *findings) {
	t := c.Token
	found.header("token.header_name", t.HeaderName)
	for i, name := range t.CredentialHeaders {
		found.header(fmt.Sprintf("token.credential_headers[%d]", i), name)
	}
	if n := strings.Count(t.HeaderFormat, "{token}"); n != 1 {
		// The text is not repeated: somebody may have written a real token into it.
		found.bad("token.header_format", "{token} is in it %d times; write it once, as in \"Bearer {token}\"", n)
	}
	if strings.ContainsFunc(t.HeaderFormat, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
		found.bad("token.header_format", "it has characters that a header cannot hold; write printable ASCII")
	}
	if t.MaxAge < shortestAge {
		found.bad("token.max_age", "%v is too short to use a token; write at least %v", t.MaxAge, shortestAge)
	} else if t.RefreshBefore >= t.MaxAge {
		found.bad("token.refresh_before", "%v is not less than max_age, %v; a token would be old at once", t.RefreshBefore, t.MaxAge)
	}
	if len(t.Vdirs) == 0 {
		found.bad("token.vdirs", "the list is empty, so no token could be used; remove it for the default, token_auth")
	}
	for i, vdir := range t.Vdirs {
		at := fmt.Sprintf("token.vdirs[%d]", i)
		if found.oneOf(at, "vdir", vdir, "plain", "no_cert", "token_auth") && slices.Contains(t.Vdirs[:i], vdir) {
			found.bad(at, "%s is there twice; keep one", vdir)
		}
	}
}

// header wants the name of a request header that may carry a credential.
func (f *findings) header(path, name string) {
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		f.bad(path, "%.64q is not the name of a header; write one such as Authorization", name)
	case hasMeaning(strings.ToLower(name)):
		f.bad(path, "%s has a meaning of its own in HTTP and cannot carry a token; write another header", name)
	}
}

// hasMeaning recognizes, in lower case, what no credential can travel in: a header that ends at the next hop or frames the
// message (RFC 9110, section 7.6.1), one that a cache sets by itself when it asks for a part of a file (ranges, conditions,
// codings, BranchCache), one that every distribution point is shown and not only the one that the client named, and one that
// the proxy does not count when it tells credentials apart.
func hasMeaning(name string) bool {
	switch name {
	case "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "via", "max-forwards", "http2-settings",
		"host", "content-length", "content-type", "expect", "range", "accept", "accept-encoding", "user-agent",
		"accept-language", "cache-control", "pragma":
		return true
	}
	return strings.HasPrefix(name, "if-") || strings.HasPrefix(name, "proxy-") || strings.HasPrefix(name, "x-p2p-")
}
