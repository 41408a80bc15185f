package proxy

import (
	"bytes"
	"net/url"
	"strings"
)

// sniffHTTP looks for the head of an HTTP/1 request to an origin server. What servers may read in different ways, or refuse,
// is protocolOther: bare line feeds, folded lines, more than one Host, no Host. So is what is about the connection more than
// about a request: a change of protocol, or words for a proxy.
func sniffHTTP(b []byte) (o opening, need int) {
	var host string
	hosts := 0
	for n, rest := 0, b[:min(len(b), maxHead)]; ; n++ {
		line, after, ended := bytes.Cut(rest, []byte("\r\n"))
		switch {
		case !ended && len(b) < maxHead && !hasControl(bytes.TrimSuffix(line, []byte("\r"))):
			return opening{}, len(b) + 1 // the rest of this line may still come
		case !ended, hasControl(line):
			return opening{}, 0
		case n == 0:
			if !isRequestLine(string(line)) {
				return opening{}, 0
			}
		case len(line) == 0:
			if hosts != 1 || host == "" {
				return opening{}, 0
			}
			return opening{protocolHTTP, host}, 0
		default:
			name, value, ok := strings.Cut(string(line), ":")
			if !ok || !isToken(name) || strings.EqualFold(name, "Upgrade") {
				return opening{}, 0
			}
			if strings.EqualFold(name, "Host") {
				host = strings.ToLower(strings.Trim(value, " \t"))
				hosts++
			}
		}
		rest = after
	}
}

func hasControl(line []byte) bool { return bytes.ContainsFunc(line, isControl) }

// isRequestLine tells whether a line asks an origin server for something, in a way that net/http understands.
func isRequestLine(line string) bool {
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(rest, " ")
	if !isToken(method) || !strings.HasPrefix(target, "/") || version != "HTTP/1.1" && version != "HTTP/1.0" {
		return false
	}
	_, err := url.ParseRequestURI(target)
	return err == nil
}
