package sim

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strconv"
	"strings"
)

// message is one CCM_POST as it came: an envelope and a body, in two parts of a multipart/mixed (public tools: sccmwtf,
// SCCMSecrets, SharpSCCM, PXEThief, which differ in boundary, part headers, compression and what follows the body).
type message struct {
	envelope *xmlNode
	sent     []byte // the second part as it was sent: what PayloadSignature is over
	text     string // the body, decoded
	body     *xmlNode
	// stated is Body/@Length, length what it should be: the bytes of the body before compression, with its NUL.
	stated, length int
}

const (
	maxMessage  = 4 << 20
	maxInflated = 16 << 20
	maxParts    = 8
)

// refused is why a message is answered with nothing. It is shown in the log of the management point and never to the
// client.
type refused string

// Error implements error.
func (r refused) Error() string { return string(r) }

// readMessage understands a request's body.
func readMessage(contentType string, raw []byte) (*message, error) {
	parts, err := splitParts(contentType, raw)
	if err != nil {
		return nil, err
	}
	if len(parts) < 2 {
		return nil, refused("the message has no body part")
	}
	text, hasBOM := bytes.CutPrefix(parts[0], []byte(byteOrderMark))
	if !hasBOM || len(text)%2 != 0 {
		return nil, refused("the envelope is not UTF-16 with a byte order mark")
	}
	m := &message{sent: parts[1]}
	if m.envelope, err = readXML(fromUTF16le(text)); err != nil {
		return nil, refused("the envelope: " + err.Error())
	}
	if m.envelope.name != "Msg" {
		return nil, refused("the envelope is <" + m.envelope.name + ">")
	}
	return m, m.readBody()
}

const byteOrderMark = "\xff\xfe" // little-endian

func splitParts(contentType string, raw []byte) (parts [][]byte, err error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/mixed" || params["boundary"] == "" {
		return nil, refused("the content type is not multipart/mixed with a boundary")
	}
	r := multipart.NewReader(bytes.NewReader(raw), params["boundary"])
	for len(parts) < maxParts {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, refused("the parts: " + err.Error())
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, refused("the parts: " + err.Error())
		}
		parts = append(parts, content)
	}
	return parts, nil
}

func (m *message) readBody() error {
	plain := m.sent
	switch {
	case m.hook("encrypt") != nil:
		return refused("encrypted bodies are not simulated")
	case m.hook("zlib-compress") != nil || m.hook("zlib") != nil:
		var err error
		if plain, err = inflate(m.sent); err != nil {
			return refused("the body: " + err.Error())
		}
	}
	about := m.envelope.at("Body")
	m.stated, _ = strconv.Atoi(about.attr("Length")) // not a number is a wrong number
	if off, err := strconv.Atoi(about.attr("Offset")); err == nil && off > 0 && off < len(plain) {
		plain = plain[off:] // attachments come before the body
	}
	text, err := terminated(plain)
	if err != nil {
		return err
	}
	m.length, m.text = len(text)+2, fromUTF16le(bytes.TrimPrefix(text, []byte(byteOrderMark)))
	if m.body, err = readXML(m.text); err != nil {
		return refused("the body: " + err.Error())
	}
	return nil
}

// terminated is the text before the U+0000 that ends a body. Whatever follows is ignored, as some tools send CRLF there.
func terminated(b []byte) ([]byte, error) {
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return b[:i], nil
		}
	}
	return nil, refused("the body is not UTF-16 that ends with U+0000")
}

func inflate(data []byte) ([]byte, error) {
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("inflate: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(r, maxInflated+1))
	if err != nil {
		return nil, fmt.Errorf("inflate: %w", err)
	}
	if len(out) > maxInflated {
		return nil, errors.New("inflate: it grows too large")
	}
	return out, nil
}

// hook is the hook of that name, nil when there is none. The elements are called Hook, Hook2 and Hook3.
func (m *message) hook(name string) *xmlNode {
	hooks := m.envelope.at("Hooks")
	if hooks == nil {
		return nil
	}
	for _, h := range hooks.children {
		if strings.HasPrefix(h.name, "Hook") && h.attr("Name") == name {
			return h
		}
	}
	return nil
}

func (m *message) endpoint() string { return m.envelope.value("TargetEndpoint") }
func (m *message) host() string     { return m.envelope.value("SourceHost") }
func (m *message) source() string   { return normalSMSID(m.envelope.value("SourceID")) }

// normalSMSID is a client id as it is signed: "GUID:" and the GUID in upper case. Empty when it is none; "{…}" is taken too.
func normalSMSID(id string) string {
	id = strings.ToUpper(strings.TrimSpace(id))
	bare, prefixed := strings.CutPrefix(id, "GUID:")
	if !prefixed {
		bare = strings.TrimSuffix(strings.TrimPrefix(id, "{"), "}")
	}
	if !guid.MatchString(bare) {
		return ""
	}
	return "GUID:" + bare
}
