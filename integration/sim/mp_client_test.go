package sim

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// caller is a client of a management point, written from public tools; of the simulator it shares UTF-16 and NTLM only.
type caller struct {
	t       testing.TB
	http    *http.Client
	base    string
	name    string
	cert    *tls.Certificate // it signs with
	keyType int
	account *Account
	smsid   string
	now     func() time.Time
	header  http.Header
}

// post is a message to be sent. Zero fields are what most tools do.
type post struct {
	dir, endpoint, body string
	signed              bool
	raw                 bool   // not compressed
	replyMode           string // Sync
	compression         string // ReplyCompression; "-" leaves it out
	wire                func(*wire)
}

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

// received is an answer, taken apart.
type received struct {
	status   int
	header   http.Header
	closes   bool
	raw      []byte
	parts    int
	envelope string
	body     string
	hasBOM   bool
	zipped   bool
}

func (c *caller) post(p post) received {
	c.t.Helper()
	got, err := c.try(p)
	if err != nil {
		c.t.Fatalf("%s %s: %v", p.dir, p.endpoint, err)
	}
	return got
}

func (c *caller) try(p post) (received, error) {
	w := c.prepare(p)
	framed := c.frame(p, w)
	resp, body, err := c.exchange(orDefault(p.dir, "ccm_system")+"/request", w.contentType, framed)
	if err != nil {
		return received{}, err
	}
	got := received{status: resp.StatusCode, header: resp.Header, closes: resp.Close, raw: body}
	if resp.StatusCode == http.StatusOK && len(body) > 0 {
		err = got.read()
	}
	return got, err
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

// exchange sends CCM_POST, and logs in when it is asked to and has an account.
func (c *caller) exchange(path, contentType string, body []byte) (*http.Response, []byte, error) {
	send := func(authorization string) (*http.Response, []byte, error) {
		req, err := http.NewRequestWithContext(c.t.Context(), "CCM_POST", c.base+"/"+path, bytes.NewReader(body))
		if err != nil {
			return nil, nil, err
		}
		for name, values := range c.header {
			req.Header[name] = values
		}
		req.Header.Set("User-Agent", "ccmhttp")
		req.Header.Set("Content-Type", contentType)
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		resp, err := c.http.Do(req)
		if err != nil {
			return nil, nil, err
		}
		defer resp.Body.Close() //nolint:errcheck // read to its end
		got, err := io.ReadAll(resp.Body)
		return resp, got, err
	}
	resp, got, err := send("")
	if err != nil || c.account == nil || !slices.Contains(resp.Header.Values("WWW-Authenticate"), "NTLM") {
		return resp, got, err
	}
	if resp, _, err = send("NTLM " + base64.StdEncoding.EncodeToString(ntlmHello())); err != nil {
		return nil, nil, err
	}
	_, text, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), " ")
	challenge, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, nil, err
	}
	proof, err := ntlmProve(*c.account, challenge)
	if err != nil {
		return nil, nil, err
	}
	return send("NTLM " + base64.StdEncoding.EncodeToString(proof))
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

// introduction is the body of a registration.
func (c *caller) introduction(kind string, change func(data string) string) string {
	der := strings.ToUpper(hex.EncodeToString(c.cert.Certificate[0]))
	certificate := func(name string) string {
		return fmt.Sprintf(`<%s Encoding="HexBinary" KeyType="%d">%s</%s>`, name, c.keyType, der, name)
	}
	properties := `<DiscoveryProperties><Property Name="Netbios Name" Value="` + c.name + `"/><Property Name="FQ Name" Value="` + strings.ToLower(c.name) +
		`.example.org"/><Property Name="Locale ID" Value="1033"/><Property Name="InternetFlag" Value="0"/></DiscoveryProperties>`
	id := ""
	if kind == "Confirmation" {
		id, properties = c.smsid, ""
	}
	data := `<Data HashAlgorithm="1.2.840.113549.1.1.11" SMSID="` + id + `" RequestType="` + kind + `" TimeStamp="` + c.now().UTC().Format("2006-01-02T15:04:05Z") +
		`"><AgentInformation AgentIdentity="CCMSetup.exe" AgentVersion="5.00.8325.0000" AgentType="0"/><Certificates>` +
		certificate("Encryption") + certificate("Signing") + `</Certificates>` + properties + `</Data>`
	signature := c.sign(&wire{hash: crypto.SHA256, reversed: true}, utf16le(data))
	if change != nil {
		data = change(data)
	}
	return `<ClientRegistrationRequest>` + data + `<Signature><SignatureValue>` + signature + `</SignatureValue></Signature></ClientRegistrationRequest>`
}

// introduce sends a registration or a confirmation, and returns what the site says: "status/approval", or "refused", or an HTTP status.
func (c *caller) introduce(kind, dir string) (told string) {
	c.t.Helper()
	got := c.post(post{dir: dir, endpoint: "MP_ClientRegistration", body: c.introduction(kind, nil)})
	if got.refusedSilently() {
		return "refused"
	}
	if got.status != http.StatusOK {
		return strconv.Itoa(got.status)
	}
	n, err := readXML(got.body)
	if err != nil || n.name != "ClientRegistrationResponse" || n.attr("ResponseType") != kind {
		c.t.Fatalf("the answer to a %s is %q, %v", kind, got.body, err)
	}
	c.smsid = n.attr("SMSID")
	return n.attr("Status") + "/" + n.attr("ApprovalStatus")
}

// mustRegister registers at a directory, and wants to hear something.
func (c *caller) mustRegister(dir, want string) {
	c.t.Helper()
	if got := c.introduce("Registration", dir); got != want {
		c.t.Fatalf("%s registers at %s: %s, want %s", c.name, dir, got, want)
	}
}

// caller makes a client of a management point for a machine.
func (m *testMP) caller(scheme string, machine Machine) *caller {
	m.t.Helper()
	tr := &http.Transport{DisableCompression: true, MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{RootCAs: m.ca.Pool()}}
	c := &caller{t: m.t, base: m.URL(scheme), name: machine.Name, cert: machine.SelfSigned, keyType: 1, now: m.clock.Now,
		http: &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if machine.Account.Name != "" {
		c.account = &machine.Account
	}
	if machine.PKI != nil {
		c.cert, c.keyType = machine.PKI, 2
		tr.TLSClientConfig.Certificates = []tls.Certificate{*machine.PKI}
	}
	m.t.Cleanup(tr.CloseIdleConnections)
	return c
}
