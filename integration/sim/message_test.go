package sim

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

// TestMessageForms: every form of a message that public tools send is understood.
func TestMessageForms(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.approvedCaller("PC1")
	const plain = "content-type: text/plain; charset=UTF-16\r\n"
	for name, p := range map[string]post{
		"as the SDK":   {},
		"any boundary": {wire: func(w *wire) { w.boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW" }},
		"upper part headers": {wire: func(w *wire) {
			w.envelopeHead, w.bodyHead = "Content-Type: text/plain; charset=UTF-16\r\n", "CONTENT-TYPE: application/octet-stream\r\n"
		}},
		"no trailing CRLF":    {wire: func(w *wire) { w.noTrailer = true }},
		"form data":           {wire: func(w *wire) { w.envelopeHead = "Content-Disposition: form-data; name=\"Msg\"\r\n" + plain }},
		"no content type":     {raw: true, wire: func(w *wire) { w.bodyHead = "Content-Disposition: form-data; name=\"RequestAssignments\"\r\n" }},
		"no part headers":     {wire: func(w *wire) { w.envelopeHead, w.bodyHead = "", "" }},
		"raw":                 {raw: true, wire: func(w *wire) { w.bodyHead = plain }},
		"BOM before the body": {wire: func(w *wire) { w.sent = zipped(append([]byte("\xff\xfe"), w.plain...)) }},
		"CRLF after the NUL":  {wire: func(w *wire) { w.sent = zipped(append(bytes.Clone(w.plain), '\r', '\n')) }},
		"pretty envelope":     {wire: func(w *wire) { w.pretty = true }},
		"hook called zlib":    {wire: func(w *wire) { w.noZlib, w.hooks = true, `<Hook Name="zlib"/>` }},
	} {
		for _, signed := range []bool{false, true} {
			p.endpoint, p.body, p.signed = "MP_LocationManager", siteInformation, signed
			if got := c.post(p); !strings.HasPrefix(got.body, "<SiteInfoReply") {
				t.Errorf("%s, signed %v: %d %q, refused: %s", name, signed, got.status, got.body, m.refusal())
			}
		}
	}
}

// TestMessageLength: a wrong Length is recorded, and nothing else.
func TestMessageLength(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.caller("http", Machine{Name: "PC1"})
	for _, length := range []string{"728", "", "-1", "many"} {
		got := c.post(post{endpoint: "MP_LocationManager", body: siteInformation, wire: func(w *wire) { w.length = length }})
		if !strings.HasPrefix(got.body, "<SiteInfoReply") {
			t.Errorf("Length %q: %d %q", length, got.status, got.body)
		}
	}
	c.post(post{endpoint: "MP_LocationManager", body: siteInformation})
	list := m.Messages.Entries()
	if list[0].Stated != 728 || list[0].Length != 186 || list[4].Stated != 186 || list[4].Length != 186 {
		t.Errorf("stated %d and %d, found %d and %d", list[0].Stated, list[4].Stated, list[0].Length, list[4].Length)
	}
}

func TestAttachments(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.caller("http", Machine{Name: "PC1"})
	p := post{endpoint: "MP_LocationManager", body: siteInformation}
	w := c.prepare(p)
	w.sent = zipped(append([]byte("attached"), w.plain...))
	framed := bytes.Replace(c.frame(p, w), utf16le(`Offset="0"`), utf16le(`Offset="8"`), 1)
	resp, body, err := c.exchange("ccm_system/request", w.contentType, framed)
	if err != nil || resp.StatusCode != http.StatusOK || len(body) == 0 {
		t.Errorf("%v, %d bytes, refused: %s", err, len(body), m.refusal())
	}
}

// TestBrokenMessages: what is no message is refused like any other, with 200 and nothing.
func TestBrokenMessages(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.caller("http", Machine{Name: "PC1"})
	body := func(text string) func(w *wire) {
		return func(w *wire) { w.sent = zipped(append(utf16le(text), 0, 0)) }
	}
	for name, change := range map[string]func(*wire){
		"no BOM in the envelope": func(w *wire) { w.envelopeBOM = false },
		"content type":           func(w *wire) { w.contentType = "text/xml" },
		"no boundary":            func(w *wire) { w.contentType = "multipart/mixed" },
		"another boundary":       func(w *wire) { w.contentType = "multipart/mixed; boundary=x" },
		"one part":               func(w *wire) { w.onePart = true },
		"not terminated":         func(w *wire) { w.sent = zipped(w.plain[:len(w.plain)-2]) },
		"UTF-8":                  func(w *wire) { w.sent = zipped([]byte(siteInformation + "\x00\x00")) },
		"said to be compressed":  func(w *wire) { w.sent = w.plain },
		"not said to be":         func(w *wire) { w.noZlib = true },
		"compressed and cut":     func(w *wire) { w.sent = w.sent[:len(w.sent)/2] },
		"a bomb":                 func(w *wire) { w.sent = bomb(maxInflated + 2) },
		"encrypted":              func(w *wire) { w.hooks = `<Hook Name="encrypt"/>` },
		"envelope of another":    func(w *wire) { w.hooks = `</Hooks></Msg><Msg><Hooks>` },
		"DTD in the envelope":    func(w *wire) { w.hooks = `<!DOCTYPE x>` },
		"DTD in the body":        body(`<!DOCTYPE x [<!ENTITY y "z">]>` + siteInformation),
		"entity":                 body(`<SiteInformationRequest>&y;</SiteInformationRequest>`),
		"not closed":             body(`<SiteInformationRequest>`),
		"closed twice":           body(`<SiteInformationRequest/></SiteInformationRequest>`),
		"two roots":              body(siteInformation + siteInformation),
		"text":                   body("hello"),
		"too deep":               body(strings.Repeat("<a>", maxXMLDepth+1) + strings.Repeat("</a>", maxXMLDepth+1)),
		"too large":              body("<a>" + strings.Repeat("<b/>", maxXMLNodes) + "</a>"),
		"empty":                  body(""),
	} {
		got := c.post(post{endpoint: "MP_LocationManager", body: siteInformation, wire: change})
		if !got.refusedSilently() || m.refusal() == "" {
			t.Errorf("%s: %d %q, reason %q", name, got.status, got.body, m.refusal())
		}
	}
	if resp, body, err := c.exchange("ccm_system_altauth/request", "text/plain", nil); err != nil || resp.StatusCode != 200 || len(body) > 0 {
		t.Errorf("no body at all: %v, %v", resp, err)
	}
	resp, _, err := c.exchange("ccm_system/request", "text/plain", make([]byte, maxMessage+1))
	if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a message of %d bytes: %v, %v", maxMessage+1, resp, err)
	}
}

func FuzzReadMessage(f *testing.F) {
	c := &caller{t: f, name: "PC1", now: (&testClock{}).Now}
	for _, p := range []post{{body: siteInformation}, {body: siteInformation, raw: true}, {body: "<a b='c'>d</a>", wire: func(w *wire) { w.pretty = true }}} {
		w := c.prepare(p)
		f.Add(w.contentType, c.frame(p, w))
	}
	f.Fuzz(func(t *testing.T, contentType string, raw []byte) {
		m, err := readMessage(contentType, raw)
		if err == nil && (m.envelope == nil || m.body == nil || m.length < 2) {
			t.Errorf("a message without envelope or body: %+v", m)
		}
	})
}

// FuzzReadXML: what is read can be written, and is then read as the same.
func FuzzReadXML(f *testing.F) {
	for _, text := range []string{siteInformation, `<?xml version="1.0" encoding="utf-16"?><a b="&lt;&quot;"> c <d/>&amp;</a>`, `<a xmlns:x="y" x:b="c"/>`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := readXML(text)
		if err != nil {
			return
		}
		if n.start < 0 || n.end <= n.start || n.end > len(text) {
			t.Fatalf("<%s> is at %d to %d of %d", n.name, n.start, n.end, len(text))
		}
		first := n.String()
		again, err := readXML(first)
		if err != nil || again.String() != first {
			t.Errorf("%q is read as %q, and that as %v, %v", text, first, again, err)
		}
	})
}
