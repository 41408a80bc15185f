package ccm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"
)

const (
	// usualBoundary is what the Client Messaging SDK and public tools write between the parts. A management point takes any.
	usualBoundary = "aAbBcCdDv1234567890VxXyYzZ"
	// maxParts is above the three parts that some answers have.
	maxParts = 8
	// partOverhead is room for boundaries and part headers beside the contents.
	partOverhead = 64 << 10
)

const errNotMultipart = flaw("it is not a multipart message")

// Message is one CM message as it travels: an envelope that says what it is, and a body.
type Message struct {
	// Envelope is the text of the first part, "<Msg …>".
	Envelope string
	// Body is the text of the second part. It is empty where there is none, as in the answer to a message that waits for no
	// reply.
	Body string
}

// frame returns the multipart form of an envelope and a body, and its content type. The body is sent as it is: whether it
// is compressed, the envelope says.
func frame(envelope string, body []byte) (contentType string, framed []byte, err error) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	if !bytes.Contains(body, []byte(usualBoundary)) {
		if err := w.SetBoundary(usualBoundary); err != nil {
			return "", nil, err
		}
	}
	parts := []struct {
		kind    string
		content []byte
	}{
		{"text/plain; charset=UTF-16", append([]byte(byteOrderMark), encodeText(envelope)...)},
		{"application/octet-stream", body},
	}
	for _, p := range parts {
		part, err := w.CreatePart(textproto.MIMEHeader{"content-type": {p.kind}})
		if err != nil {
			return "", nil, err
		}
		if _, err := part.Write(p.content); err != nil {
			return "", nil, err
		}
	}
	if err := w.Close(); err != nil {
		return "", nil, err
	}
	return `multipart/mixed; boundary="` + w.Boundary() + `"`, out.Bytes(), nil
}

// ReadMessage reads a message, or the answer to one, as it came over HTTP. No part of it may be over limit bytes, before
// and after it is inflated. A message without any bytes is ErrRefused: that is how a management point says no. Parts
// after the second are left aside.
func ReadMessage(contentType string, r io.Reader, limit int64) (Message, error) {
	raw, err := readLimited(r, limit+partOverhead)
	if err != nil {
		return Message{}, fmt.Errorf("read message: %w", err)
	}
	if len(raw) == 0 {
		return Message{}, ErrRefused
	}
	parts, err := split(contentType, raw, limit)
	if err != nil {
		return Message{}, fmt.Errorf("read message: %w", err)
	}
	var m Message
	if m.Envelope, err = partText(parts[0], limit); err != nil {
		return Message{}, fmt.Errorf("read envelope: %w", err)
	}
	if len(parts) == 1 {
		return m, nil
	}
	if m.Body, err = partText(parts[1], limit); err != nil {
		return Message{}, fmt.Errorf("read body: %w", err)
	}
	return m, nil
}

// split returns the parts of a multipart message, at least one.
func split(contentType string, raw []byte, limit int64) (parts [][]byte, err error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(kind, "multipart/") || params["boundary"] == "" {
		return nil, errNotMultipart
	}
	r := multipart.NewReader(bytes.NewReader(raw), params["boundary"])
	for len(parts) < maxParts {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, errNotMultipart
		}
		content, err := readLimited(part, limit)
		if err != nil {
			return nil, err
		}
		parts = append(parts, content)
	}
	if len(parts) == 0 {
		return nil, errNotMultipart
	}
	return parts, nil
}

// partText is the text of a part. Whether it is compressed shows in its first bytes: an answer follows what the request
// asked for, and zlib where that said nothing, but no public sample shows how its envelope tells.
func partText(part []byte, limit int64) (string, error) {
	if isZlib(part) {
		inflated, err := inflate(part, limit)
		if err != nil {
			return "", err
		}
		part = inflated
	}
	return decodeAny(part)
}
