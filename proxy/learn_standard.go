package proxy

import "strings"

// isStandardHeader tells whether a request header, in canonical form, is one that clients send for other reasons than to say
// who they are. Authorization and Cookie are no such headers.
func isStandardHeader(name string) bool {
	switch name {
	// HTTP: RFC 9110, 9111 and 9112, and the older conventions of proxies.
	case "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Cache-Control", "Connection", "Content-Encoding",
		"Content-Language", "Content-Length", "Content-Type", "Date", "Expect", "Forwarded", "From", "Host", "If-Match",
		"If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive", "Max-Forwards", "Origin", "Pragma",
		"Priority", "Proxy-Authorization", "Proxy-Connection", "Range", "Referer", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"User-Agent", "Via", "Warning",
		// WebDAV: RFC 4918, and what Windows adds (MS-WDV).
		"Brief", "Depth", "Destination", "If", "Lock-Token", "Overwrite", "Timeout", "Translate",
		// What browsers and Windows components add.
		"Dnt", "Ua-Cpu", "Upgrade-Insecure-Requests", "X-Requested-With":
		return true
	}
	for _, prefix := range []string{
		"Bits-",        // MC-BUP, the upload protocol of BITS
		"X-P2p-",       // MS-PCCRTP, BranchCache
		"Sec-",         // RFC 8942 and the Fetch standard
		"X-Forwarded-", // proxies
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
