package proxy

import (
	"slices"
	"strings"
)

// The numbers of RFC 8446 (sections 4, 4.2 and 5.1), RFC 6066 (section 3) and RFC 7301 (section 6).
const (
	recordHandshake    = 22
	recordHeader       = 5
	maxRecord          = 1 << 14
	messageHeader      = 4
	messageClientHello = 1
	extensionName      = 0
	extensionProtocols = 16
	extensionVersions  = 43
	nameOfHost         = 0
	versionTLS12       = 0x0303
	versionTLS13       = 0x0304
)

// sniffTLS looks for a ClientHello, which may be spread over several records. One from a client that
// knows neither TLS 1.2 nor HTTP/1.1 is protocolOther. Of an encrypted ClientHello (RFC 9849) only the outer name can
// be seen, and nothing tells whether there really is another one inside.
func sniffTLS(b []byte) (o opening, need int) {
	message, need := helloMessage(b[:min(len(b), maxHello)])
	if need > maxHello {
		return opening{}, 0
	}
	if message == nil {
		return opening{}, need
	}
	h, ok := parseHello(message)
	if !ok || !h.answerable() {
		return opening{}, 0
	}
	return opening{protocolTLS, strings.ToLower(h.name)}, 0
}

// helloMessage puts a ClientHello together from its records and returns it without its header. When it is not all there, it
// returns how many bytes are needed at the least; zero when this is no ClientHello.
func helloMessage(b []byte) (message []byte, need int) {
	for at := 0; ; {
		if len(b) < at+recordHeader {
			return nil, at + recordHeader
		}
		header := b[at : at+recordHeader]
		size := int(header[3])<<8 | int(header[4])
		if header[0] != recordHandshake || header[1] != 3 || size == 0 || size > maxRecord {
			return nil, 0
		}
		end := at + recordHeader + size
		if len(b) < end {
			return nil, end
		}
		message = append(message, b[at+recordHeader:end]...)
		at = end
		if message[0] != messageClientHello {
			return nil, 0
		}
		if len(message) < messageHeader {
			continue
		}
		whole := messageHeader + int(message[1])<<16 + int(message[2])<<8 + int(message[3])
		switch {
		case len(message) == whole:
			return message[messageHeader:], 0
		case len(message) > whole || whole > maxHello:
			return nil, 0
		}
	}
}

// hello is what matters here of a ClientHello.
type hello struct {
	name      string
	protocols []string // that the client offers, none: it does not say
	versions  []int
}

// parseHello reads a ClientHello (RFC 8446, section 4.1.2). It reports false for one that is malformed as far as it looks.
func parseHello(message []byte) (h hello, ok bool) {
	f := fields{rest: message}
	h.versions = []int{min(f.number(2), versionTLS12)} // a later one is offered by an extension
	f.take(32)                                         // random
	f.block(1)                                         // session
	f.block(2)                                         // cipher suites
	f.block(1)                                         // compression methods
	if f.end() {                                       // a client of the last century
		return h, true
	}
	all := fields{rest: f.block(2)}
	var seen []int
	for !all.end() {
		kind := all.number(2)
		body := fields{rest: all.block(2)}
		if slices.Contains(seen, kind) || !h.extend(kind, &body) {
			return h, false
		}
		seen = append(seen, kind)
	}
	return h, !f.bad && f.end() && !all.bad
}

// extend takes note of an extension.
func (h *hello) extend(kind int, body *fields) bool {
	var list fields
	switch kind {
	case extensionName:
		for list.rest = body.block(2); !list.end(); {
			kind, name := list.number(1), string(list.block(2))
			if kind != nameOfHost {
				continue
			}
			if name == "" || h.name != "" || strings.HasSuffix(name, ".") {
				return false
			}
			h.name = name
		}
	case extensionProtocols:
		for list.rest = body.block(2); !list.end(); {
			h.protocols = append(h.protocols, string(list.block(1)))
		}
	case extensionVersions:
		h.versions = nil
		for list.rest = body.block(1); !list.end(); {
			h.versions = append(h.versions, list.number(2))
		}
	default:
		return true
	}
	return !list.bad && !body.bad && body.end()
}

// answerable tells whether our own server and the client have a version and a protocol in common.
func (h *hello) answerable() bool {
	return (len(h.protocols) == 0 || slices.Contains(h.protocols, "http/1.1")) &&
		(slices.Contains(h.versions, versionTLS12) || slices.Contains(h.versions, versionTLS13))
}

// fields reads numbers and blocks one after the other. Once something is not there, nothing is any more.
type fields struct {
	rest []byte
	bad  bool
}

// end tells whether there is nothing left.
func (f *fields) end() bool { return len(f.rest) == 0 }

func (f *fields) take(n int) []byte {
	if n > len(f.rest) {
		f.rest, f.bad = nil, true
		return nil
	}
	taken := f.rest[:n]
	f.rest = f.rest[n:]
	return taken
}

// number reads a number of so many bytes.
func (f *fields) number(size int) (n int) {
	for _, b := range f.take(size) {
		n = n<<8 | int(b)
	}
	return n
}

// block reads bytes that come behind their length, a number of so many bytes.
func (f *fields) block(size int) []byte { return f.take(f.number(size)) }
