package content

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// hostPort returns the authority as host:port, lower case, with the default port of the scheme when it names none. It
// refuses what is not a plain host: user information, zones, and letters that a DNS name does not have.
func hostPort(scheme, authority string) (string, bool) {
	port := defaultPort(scheme)
	if port == "" {
		return "", false
	}
	host := authority
	if _, err := netip.ParseAddr(authority); err != nil {
		var given string
		if host, given = cutPort(authority); given != "" {
			n, err := strconv.ParseUint(given, 10, 16)
			if err != nil || n == 0 {
				return "", false
			}
			port = strconv.FormatUint(n, 10)
		}
		if strings.Contains(host, ":") && host[0] != '[' {
			return "", false // where does an address without brackets end?
		}
	}
	host, ok := plainHost(host)
	if !ok {
		return "", false
	}
	return net.JoinHostPort(host, port), true
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}

// cutPort splits at the colon of the port. A colon with nothing behind it means the default port (RFC 3986, section
// 3.2.3).
func cutPort(authority string) (host, port string) {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || strings.HasSuffix(authority, "]") {
		return authority, ""
	}
	return authority[:i], authority[i+1:]
}

// plainHost returns a name or an address in lower case, an address without brackets and in its shortest form.
func plainHost(host string) (string, bool) {
	inside, bracketed := strings.CutPrefix(host, "[")
	inside, closed := strings.CutSuffix(inside, "]")
	if bracketed != closed {
		return "", false
	}
	if addr, err := netip.ParseAddr(inside); err == nil {
		return addr.String(), addr.Zone() == "" && (addr.Is6() || !bracketed)
	}
	name := strings.ToLower(host)
	return name, name != "" && only(name, hostLetter)
}

func hostLetter(b byte) bool { return alphanumeric(b) || b == '-' || b == '.' || b == '_' }
