package ccm

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
)

const testBody = `<SiteInfoReply SchemaVersion="1.00"/>`

// bytesOf builds a multipart message by hand.
func bytesOf(head []string, parts ...[]byte) []byte {
	var b bytes.Buffer
	for i, p := range parts {
		b.WriteString("--x\r\n" + head[i%len(head)] + "\r\n\r\n")
		b.Write(p)
		b.WriteString("\r\n")
	}
	b.WriteString("--x--")
	return b.Bytes()
}

func TestReadMessage(t *testing.T) {
	envelope := append([]byte{0xff, 0xfe}, utf16le("<Msg/>", false)...)
	text := utf16le(testBody, true)
	lower := []string{"content-type: text/plain; charset=UTF-16", "content-type: application/octet-stream"}
	for _, c := range []struct {
		name string
		kind string
		raw  []byte
		want Message
		err  error
	}{
		{"as clients send it", "", bytesOf(lower, envelope, zlibbed(text)), Message{"<Msg/>", testBody}, nil},
		{"not compressed", "", bytesOf(lower, envelope, text), Message{"<Msg/>", testBody}, nil},
		{"with a disposition", "", bytesOf([]string{`Content-Disposition: form-data; name="Msg"`}, envelope, text), Message{"<Msg/>", testBody}, nil},
		{"a line end after the body", "", append(bytesOf(lower, envelope, text), '\r', '\n'), Message{"<Msg/>", testBody}, nil},
		{"byte order mark in the body", "", bytesOf(lower, envelope, zlibbed(append([]byte{0xff, 0xfe}, text...))), Message{"<Msg/>", testBody}, nil},
		{"envelope without one", "", bytesOf(lower, envelope[2:], text), Message{"<Msg/>", testBody}, nil},
		{"bytes after the terminator", "", bytesOf(lower, envelope, zlibbed(append(bytes.Clone(text), "\r\n"...))), Message{"<Msg/>", testBody}, nil},
		{"an odd byte after the terminator", "", bytesOf(lower, envelope, zlibbed(append(bytes.Clone(text), 'x'))), Message{"<Msg/>", testBody}, nil},
		{"three parts", "", bytesOf(lower, envelope, zlibbed(text), []byte("attached")), Message{"<Msg/>", testBody}, nil},
		{"one part", "", bytesOf(lower, envelope), Message{"<Msg/>", ""}, nil},
		{"beyond the basic plane", "", bytesOf(lower, envelope, utf16le("<a b=\"\U0001F600\"/>", true)), Message{"<Msg/>", "<a b=\"\U0001F600\"/>"}, nil},
		{"nothing", "", nil, Message{}, ErrRefused},
		{"a page", "text/html", []byte("<html>"), Message{}, errNotMultipart},
		{"no boundary", "multipart/mixed", []byte("--x--"), Message{}, errNotMultipart},
		{"no parts", "", []byte("--x--"), Message{}, errNotMultipart},
		{"half a unit", "", bytesOf(lower, envelope, text[:len(text)-3]), Message{}, errNotText},
		{"zlib that is cut", "", bytesOf(lower, envelope, zlibbed(text)[:20]), Message{}, errTruncated},
		{"zlib that is broken", "", bytesOf(lower, envelope, []byte{0x78, 0x9c, 0xff, 0xff, 0xff}), Message{}, errNotZlib},
	} {
		t.Run(c.name, func(t *testing.T) {
			kind := c.kind
			set(&kind, `multipart/mixed; boundary="x"`)
			got, err := ReadMessage(kind, bytes.NewReader(c.raw), 1<<16)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("got %+v, %v, want %+v, %v", got, err, c.want, c.err)
			}
		})
	}
}

// TestBomb checks that a small answer cannot take more memory than its limit.
func TestBomb(t *testing.T) {
	const limit = 1 << 17
	bomb := zlibbed(make([]byte, 16<<20))
	raw := bytesOf([]string{"content-type: text/plain"}, utf16le("<Msg/>", false), bomb)
	if len(raw) > limit {
		t.Fatalf("the bomb is %d bytes: no bomb", len(raw))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := ReadMessage(`multipart/mixed; boundary=x`, bytes.NewReader(raw), limit)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, errTooLarge) {
		t.Errorf("the bomb gives %v, want %v", err, errTooLarge)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 24*limit {
		t.Errorf("the bomb took %d MiB", used>>20)
	}
	if _, err := ReadMessage(`multipart/mixed; boundary=x`, strings.NewReader(strings.Repeat("x", 3*limit)), limit); !errors.Is(err, errTooLarge) {
		t.Errorf("a large answer gives %v, want %v", err, errTooLarge)
	}
}

// TestFrameAndRead checks that what is written reads as what it was, with any contents.
func TestFrameAndRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	bodies := []string{"", "<a/>", "--" + usualBoundary + "\r\n", strings.Repeat("x", 100_000), "\u00e4\u20ac\U0001F600"}
	for range 50 {
		b := make([]rune, r.IntN(200))
		for i := range b {
			b[i] = rune(1 + r.IntN(0xd7ff))
		}
		bodies = append(bodies, "<"+string(b)+">")
	}
	for _, body := range bodies {
		for _, sent := range [][]byte{encodeTerminated(body), deflate(encodeTerminated(body)), []byte(usualBoundary)} {
			kind, framed, err := frame("<Msg/>", sent)
			must(t, err)
			if len(sent) == len(usualBoundary) && strings.Contains(kind, usualBoundary) {
				t.Error("the boundary stands in the body")
				continue
			}
			m, err := ReadMessage(kind, bytes.NewReader(framed), 1<<20)
			if len(sent) == len(usualBoundary) {
				continue
			}
			if err != nil || m.Envelope != "<Msg/>" || m.Body != strings.TrimSpace(body) {
				t.Errorf("%.40q reads as %.40q (%v)", body, m.Body, err)
			}
		}
	}
}

func FuzzReadMessage(f *testing.F) {
	envelope, text := utf16le("<Msg/>", false), utf16le(testBody, true)
	f.Add(`multipart/mixed; boundary=x`, bytesOf([]string{"content-type: text/plain"}, envelope, text))
	f.Add(`multipart/mixed; boundary=x`, bytesOf([]string{"a: b"}, envelope, zlibbed(text)))
	f.Add(`multipart/mixed; boundary=x`, bytesOf([]string{"a: b"}, envelope, zlibbed(make([]byte, 1<<20))))
	f.Add(`text/html`, []byte("x"))
	f.Fuzz(func(t *testing.T, kind string, raw []byte) {
		m, err := ReadMessage(kind, bytes.NewReader(raw), 1<<16)
		if err != nil {
			return
		}
		if len(m.Envelope) > 2<<16 || len(m.Body) > 2<<16 || !utf8.ValidString(m.Envelope+m.Body) {
			t.Errorf("a message of %d and %d bytes got through, valid %v", len(m.Envelope), len(m.Body), utf8.ValidString(m.Body))
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add("plain", []byte{0xff, 0xfe, 'a', 0})
	f.Add("\U0001F600\u00e4", []byte("\xef\xbb\xbfabc"))
	f.Fuzz(func(t *testing.T, s string, raw []byte) {
		if got, err := decodeText(encodeTerminated(s)); utf8.ValidString(s) && !strings.ContainsAny(s, "\x00\ufeff") &&
			(err != nil || got != strings.TrimSpace(s)) {
			t.Errorf("%q reads as %q (%v)", s, got, err)
		}
		if !bytes.Equal(encodeText(s), utf16le(s, false)) {
			t.Errorf("%q is written as %x", s, encodeText(s))
		}
		for _, decode := range []func([]byte) (string, error){decodeText, decodeAny} {
			if text, err := decode(raw); err == nil && !utf8.ValidString(text) {
				t.Errorf("%x reads as text that is not UTF-8", raw)
			}
		}
	})
}
