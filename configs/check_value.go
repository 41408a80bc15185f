package configs

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// oneOf reports a word that is none of the choices.
func (f *findings) oneOf(path, kind, word string, choices ...string) bool {
	ok := slices.Contains(choices, word)
	if !ok {
		f.bad(path, "%s", unknown(kind, word, choices))
	}
	return ok
}

// between reports a number outside of low to high.
func (f *findings) between(path string, n, low, high int) bool {
	ok := low <= n && n <= high
	if !ok {
		f.bad(path, "%d is out of range; write %d to %d", n, low, high)
	}
	return ok
}

func (f *findings) positive(path string, d Duration) {
	if d <= 0 {
		f.bad(path, "%v is no time at all; write more than 0, such as 15s", d)
	}
}

// required reports a setting without a value.
func (f *findings) required(path, value, write string) bool {
	if value == "" {
		f.bad(path, "this is required; write %s", write)
	}
	return value != ""
}

// filled reports empty entries.
func (f *findings) filled(path string, values []string, write string) {
	for i, value := range values {
		f.required(fmt.Sprintf("%s[%d]", path, i), value, write)
	}
}

// name reports text that would be a nuisance in logs and paths.
func (f *findings) name(path, name string) bool {
	odd := func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' }
	bad := name == "" || len(name) > 255 || strings.ContainsFunc(name, odd)
	if bad {
		f.bad(path, "%.64q is not a name; write 1 to 255 printable characters without spaces", name)
	}
	return !bad
}

// unknownPrefix begins the hierarchy of a host that is not configured. A configured one that began so could be mixed up
// with it, and a client who names a host could put files there.
const unknownPrefix = "host:"

func (f *findings) hierarchy(path, name string) {
	if f.name(path, name) && strings.HasPrefix(strings.ToLower(name), unknownPrefix) {
		f.bad(path, "%.64q begins with %q, which is kept for hosts that are not in this file; write another name", name, unknownPrefix)
	}
}

// address reports what cannot be listened on. Host names are refused but localhost: what they mean, and so whether the
// listener is on loopback, would depend on DNS.
func (f *findings) address(path, address string) bool {
	host, port, err := net.SplitHostPort(address)
	n, portErr := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || portErr != nil || port != strconv.FormatUint(n, 10):
		f.bad(path, "%q is not an address; write host:port, such as 127.0.0.1:8080", address)
		return false
	case host == "" || host == "localhost":
		return true
	}
	if _, err := netip.ParseAddr(host); err != nil {
		f.bad(path, "%q is not an IP address; write one, or localhost, or nothing before the colon for all addresses", host)
		return false
	}
	return true
}

// url reports what is not scheme://host[:port].
func (f *findings) url(path, text string, schemes ...string) bool {
	u, err := url.Parse(text)
	scheme := strings.Join(schemes, " or ")
	if f.credentials(path, text) {
		return false
	}
	switch {
	case err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme):
		f.bad(path, "%.128q is not an %s URL; write %s://dp1.example.com", text, scheme, schemes[len(schemes)-1])
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		f.bad(path, "%.128q has more than a host; write %s://%s", text, u.Scheme, u.Host)
	case !isHostPort(u.Host):
		f.bad(path, "%.128q is not a host and port; write %s://dp1.example.com:8080", u.Host, u.Scheme)
	default:
		return true
	}
	return false
}

// credentials reports a user name, and maybe a password, in a host or a URL. The text is not repeated.
func (f *findings) credentials(path, text string) bool {
	found := strings.Contains(text, "@")
	if found {
		f.bad(path, "there is an @ in it, as before a host when one writes a user name; credentials do not belong in this file")
	}
	return found
}

// withPort returns a plain URL with its port, the usual one of its scheme when it has none, and an address in its shortest
// form: one server has one such text.
func withPort(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	host := u.Hostname()
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.String()
	}
	return u.Scheme + "://" + net.JoinHostPort(host, cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]))
}

// plainURL returns a URL in lower case without the slash at its end.
func plainURL(text string) string { return strings.ToLower(strings.TrimSuffix(text, "/")) }

// isHostPort recognizes a DNS name or an IP address (IPv6 in brackets, without a zone), and a port if there is one.
func isHostPort(s string) bool {
	host := s
	if at := strings.LastIndexByte(s, ':'); at >= 0 && !strings.HasSuffix(s, "]") {
		n, err := strconv.ParseUint(s[at+1:], 10, 16)
		if err != nil || n == 0 || s[at+1] == '0' { // 080 would be another server than 80
			return false
		}
		host = s[:at]
	}
	if inside, ok := strings.CutPrefix(host, "["); ok {
		addr, err := netip.ParseAddr(strings.TrimSuffix(inside, "]"))
		return err == nil && addr.Is6() && addr.Zone() == "" && strings.HasSuffix(inside, "]")
	}
	return isDNSName(host)
}

func isDNSName(host string) bool {
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}
