package sim

import (
	"bytes"
	"compress/zlib"
	"crypto/rand"
	"errors"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strconv"
	"strings"
)

// ReplyStyle is how replies to messages look, where public sources leave it open or show several forms.
type ReplyStyle struct {
	// BOM puts a byte order mark before the body. Whether real replies have one, no public tool shows.
	BOM bool
	// Parts is 2, 1 (an envelope alone, as after a message that waits for no reply) or 3 (some replies have one more).
	// Zero means 2.
	Parts int
	// Compression of bodies: "zlib" or "none", whatever the message asks for. Empty does what the message asks for with
	// ReplyCompression, and zlib when it does not say.
	Compression string
	// Boundary between the parts. Empty makes a new one each time.
	Boundary string
	// NoTrailer leaves out the CRLF after the last boundary.
	NoTrailer bool
}

func (s ReplyStyle) check() error {
	switch {
	case s.Parts < 0 || s.Parts > 3:
		return errors.New("a reply has one, two or three parts")
	case s.Compression != "" && s.Compression != "zlib" && s.Compression != "none":
		return fmt.Errorf("there is no reply compression %q", s.Compression)
	case s.Boundary != "":
		return multipart.NewWriter(&bytes.Buffer{}).SetBoundary(s.Boundary)
	}
	return nil
}

// reply is what a message is answered with.
type reply struct {
	body string // XML
	raw  []byte // instead of the body, as it is to be sent: what a fault makes up
	one  bool   // the envelope is all
}

// frame makes the body of the response to a message. to may be nil, when the message was not understood.
func (s ReplyStyle) frame(r reply, to *message) (contentType string, framed []byte, err error) {
	body, length := r.raw, len(r.raw)
	compressed := s.compresses(to)
	if body == nil {
		if body, length, err = s.encode(r.body, compressed); err != nil {
			return "", nil, err
		}
	}
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	if s.Boundary != "" {
		if err := w.SetBoundary(s.Boundary); err != nil {
			return "", nil, err
		}
	}
	envelope := append([]byte(byteOrderMark), utf16le(s.envelope(to, length, compressed).String())...)
	parts := []struct {
		kind    string
		content []byte
	}{{"text/plain; charset=UTF-16", envelope}, {"application/octet-stream", body}, {"application/octet-stream", []byte(rand.Text())}}
	count := orDefault(s.Parts, 2)
	if r.one {
		count = 1
	}
	for _, p := range parts[:count] {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {p.kind}})
		if err != nil {
			return "", nil, err
		}
		_, _ = part.Write(p.content) // a Buffer takes everything
	}
	if err := w.Close(); err != nil {
		return "", nil, err
	}
	framed = out.Bytes()
	if s.NoTrailer {
		framed = bytes.TrimSuffix(framed, []byte("\r\n"))
	}
	return `multipart/mixed; boundary="` + w.Boundary() + `"`, framed, nil
}

// compresses says whether the reply to a message is to be compressed.
func (s ReplyStyle) compresses(to *message) bool {
	asked := s.Compression
	if asked == "" && to != nil {
		asked = to.envelope.attr("ReplyCompression")
	}
	return !strings.EqualFold(asked, "none")
}

// encode makes UTF-16 with a NUL at its end, maybe compressed.
func (s ReplyStyle) encode(text string, compressed bool) (body []byte, length int, err error) {
	if s.BOM {
		body = []byte(byteOrderMark)
	}
	body = append(append(body, utf16le(text)...), 0, 0)
	length = len(body)
	if compressed {
		body, err = deflate(body)
	}
	return body, length, err
}

func deflate(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	return out.Bytes(), nil
}

// envelope is that of a reply. No public source shows one; these are elements that messages have.
func (s ReplyStyle) envelope(to *message, length int, compressed bool) *xmlNode {
	hooks := node("Hooks")
	if compressed {
		hooks.with(node("Hook3", "Name", "zlib-compress"))
	}
	e := node("Msg", "SchemaVersion", "1.1").with(node("Body", "Type", "ByteRange", "Length", strconv.Itoa(length), "Offset", "0"))
	if to != nil {
		e.with(leaf("CorrelationID", to.envelope.value("ID")))
	}
	return e.with(hooks, leaf("ID", "{"+strings.ToUpper(newGUID())+"}"), node("Payload", "Type", "inline"), leaf("ReplyMode", "Reply"))
}
