package sim

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// wire is a message on its way, for tests to damage.
type wire struct {
	plain    []byte // body in UTF-16 with its NUL
	sent     []byte // as the second part
	length   string
	noOID    bool
	hash     crypto.Hash
	reversed bool
	signs    []byte // what PayloadSignature is over; nil: sent
	sourceID string
	clientID string // what ClientIDSignature is over; "-": no such signature
	sentTime string
	hooks    string // further ones
	pretty   bool

	boundary                string
	contentType             string // of the request
	envelopeBOM, noTrailer  bool
	envelopeHead, bodyHead  string // part headers
	onePart, noZlib, noAlgo bool
}

func (c *caller) prepare(p post) *wire {
	w := &wire{plain: append(utf16le(p.body), 0, 0), hash: crypto.SHA256, reversed: true, sourceID: c.smsid, clientID: c.smsid,
		sentTime: c.now().UTC().Format("2006-01-02T15:04:05Z"), boundary: "aAbBcCdDv1234567890VxXyYzZ", envelopeBOM: true,
		envelopeHead: "content-type: text/plain; charset=UTF-16\r\n", bodyHead: "content-type: application/octet-stream\r\n"}
	w.length = strconv.Itoa(len(w.plain))
	w.sent = w.plain
	if !p.raw {
		w.sent = zipped(w.plain)
	}
	if p.wire != nil {
		p.wire(w)
	}
	w.contentType = orDefault(w.contentType, `multipart/mixed; boundary="`+w.boundary+`"`)
	return w
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// sign is RSA PKCS #1 v1.5, its bytes in reverse, in hex.
func (c *caller) sign(w *wire, data []byte) string {
	c.t.Helper()
	digest := sha256.Sum256(data)
	sum := digest[:]
	if w.hash == crypto.SHA1 {
		old := sha1.Sum(data)
		sum = old[:]
	}
	algorithm := w.hash
	if w.noOID {
		algorithm = crypto.Hash(0)
	}
	signature, err := rsa.SignPKCS1v15(nil, c.cert.PrivateKey.(*rsa.PrivateKey), algorithm, sum)
	if err != nil {
		c.t.Fatal(err)
	}
	if w.reversed {
		slices.Reverse(signature)
	}
	return strings.ToUpper(hex.EncodeToString(signature))
}

func (c *caller) hooks(p post, w *wire) string {
	hooks := w.hooks
	if p.signed {
		over := w.signs
		if over == nil {
			over = w.sent
		}
		hooks += `<Hook2 Name="clientauth"><Property Name="AuthSenderMachine">` + c.name + `</Property>`
		if w.clientID != "-" {
			hooks += `<Property Name="ClientIDSignature">` + c.sign(w, append(utf16le(w.clientID), 0, 0)) + `</Property>`
		}
		hooks += `<Property Name="PayloadSignature">` + c.sign(w, over) + `</Property><Property Name="ClientCapabilities">NonSSL</Property>`
		if oid := map[crypto.Hash]string{crypto.SHA256: "1.2.840.113549.1.1.11", crypto.SHA1: "1.2.840.113549.1.1.5"}[w.hash]; !w.noAlgo {
			hooks += `<Property Name="HashAlgorithm">` + oid + `</Property>`
		}
		hooks += `</Hook2>`
	}
	if !p.raw && !w.noZlib {
		hooks += `<Hook3 Name="zlib-compress"/>`
	}
	return `<Hooks>` + hooks + `</Hooks>`
}

func (c *caller) frame(p post, w *wire) []byte {
	compression := ` ReplyCompression="` + orDefault(p.compression, "zlib") + `"`
	if p.compression == "-" {
		compression = ""
	}
	envelope := `<Msg` + compression + ` SchemaVersion="1.1"><Body Type="ByteRange" Length="` + w.length + `" Offset="0"/>` +
		`<CorrelationID>{00000000-0000-0000-0000-000000000000}</CorrelationID>` + c.hooks(p, w) +
		`<ID>{5DD100CD-DF1D-45F5-BA17-A327F43465F8}</ID><Payload Type="inline"/><Priority>0</Priority><Protocol>http</Protocol>` +
		`<ReplyMode>` + orDefault(p.replyMode, "Sync") + `</ReplyMode><ReplyTo>direct:` + c.name + `:SccmMessaging</ReplyTo>` +
		`<SentTime>` + w.sentTime + `</SentTime><SourceID>` + w.sourceID + `</SourceID><SourceHost>` + c.name + `</SourceHost>` +
		`<TargetAddress>mp:` + p.endpoint + `</TargetAddress><TargetEndpoint>` + p.endpoint + `</TargetEndpoint>` +
		`<TargetHost>mp01.example.org</TargetHost><Timeout>60000</Timeout></Msg>`
	if w.pretty {
		envelope = strings.ReplaceAll(envelope, "><", ">\r\n  <")
	}
	text := utf16le(envelope)
	if w.envelopeBOM {
		text = append([]byte("\xff\xfe"), text...)
	}
	out := "--" + w.boundary + "\r\n" + w.envelopeHead + "\r\n" + string(text) + "\r\n"
	if !w.onePart {
		out += "--" + w.boundary + "\r\n" + w.bodyHead + "\r\n" + string(w.sent) + "\r\n"
	}
	out += "--" + w.boundary + "--"
	if !w.noTrailer {
		out += "\r\n"
	}
	return []byte(out)
}

func (r *received) read() error {
	_, params, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if err != nil {
		return err
	}
	reader := multipart.NewReader(bytes.NewReader(r.raw), params["boundary"])
	for ; ; r.parts++ {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		switch r.parts {
		case 0:
			if !bytes.HasPrefix(content, []byte("\xff\xfe")) {
				return fmt.Errorf("the envelope begins with %x", content[:min(2, len(content))])
			}
			r.envelope = wide(content[2:])
		case 1:
			if err := r.readBody(content); err != nil {
				return err
			}
		}
	}
}

func (r *received) readBody(content []byte) error {
	if r.zipped = bytes.HasPrefix(content, []byte{0x78}); r.zipped {
		z, err := zlib.NewReader(bytes.NewReader(content))
		if err != nil {
			return err
		}
		if content, err = io.ReadAll(z); err != nil {
			return err
		}
	}
	if r.hasBOM = bytes.HasPrefix(content, []byte("\xff\xfe")); r.hasBOM {
		content = content[2:]
	}
	text, terminated := bytes.CutSuffix(content, []byte{0, 0})
	if !terminated {
		return fmt.Errorf("the body of %d bytes does not end with U+0000", len(content))
	}
	r.body = wide(text)
	return nil
}

// wide reads UTF-16.
func wide(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i]) | uint16(b[2*i+1])<<8
	}
	return string(utf16.Decode(units))
}

// refusedSilently says whether an answer is the silent no.
func (r received) refusedSilently() bool {
	return r.status == http.StatusOK && len(r.raw) == 0 && r.header.Get("Content-Length") == "0"
}
