package ccm

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/xml"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"
)

// testKey is one key for all tests: to make one takes long.
var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

const testSMSID = "GUID:0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"

// testIdentity is an identity with testKey. An empty id is one that is not registered.
func testIdentity(t testing.TB, smsid string) *Identity {
	t.Helper()
	der, err := NewCertificate(testKey(), time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2034, 1, 1, 0, 0, 0, 0, time.UTC))
	must(t, err)
	i, err := NewIdentity(IdentityConfig{Key: testKey(), Certificate: der, SMSID: smsid})
	must(t, err)
	return i
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// verifies checks a signature by the facts alone: hexadecimal, the little end first, PKCS #1 v1.5.
func verifies(key *rsa.PublicKey, message []byte, signature string, withOID bool) bool {
	raw, err := hex.DecodeString(signature)
	if err != nil || signature != strings.ToUpper(signature) {
		return false
	}
	slices.Reverse(raw)
	digest := sha256.Sum256(message)
	algorithm := crypto.SHA256
	if !withOID {
		algorithm = crypto.Hash(0)
	}
	return rsa.VerifyPKCS1v15(key, algorithm, digest[:], raw) == nil
}

// utf16le encodes without the code under test.
func utf16le(s string, terminated bool) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	if terminated {
		out = append(out, 0, 0)
	}
	return out
}

// fromUTF16 decodes without the code under test.
func fromUTF16(b []byte) string {
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i])|uint16(b[i+1])<<8)
	}
	return string(utf16.Decode(units))
}

func zlibbed(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// received is a message as the fake site saw it.
type received struct {
	path     string
	header   http.Header
	envelope wireEnvelope
	sent     []byte // the second part as it came
	body     string // its text, without the terminator
}

type wireEnvelope struct {
	ReplyCompression string `xml:"ReplyCompression,attr"`
	SchemaVersion    string `xml:"SchemaVersion,attr"`
	Body             struct {
		Length int `xml:"Length,attr"`
	}
	Hooks struct {
		Hook2 struct {
			Name       string         `xml:"Name,attr"`
			Properties []wireProperty `xml:"Property"`
		}
		Hook3 struct {
			Name string `xml:"Name,attr"`
		}
	}
	ID, SourceID, SourceHost, TargetAddress, TargetEndpoint, TargetHost, SentTime, ReplyMode string
}

type wireProperty struct {
	Name string `xml:"Name,attr"`
	Text string `xml:",chardata"`
}

func (r received) property(name string) string {
	for _, p := range r.envelope.Hooks.Hook2.Properties {
		if p.Name == name {
			return p.Text
		}
	}
	return ""
}

// site is a management point as the facts describe one. It shares no code with what it tests.
type site struct {
	*httptest.Server
	t testing.TB
	// answer is the XML of the answer to a message. "" is the silent refusal. It may write a whole response of its own and
	// return false.
	answer func(w http.ResponseWriter, r received) (string, bool)

	mu  sync.Mutex
	got []received
}

// newSite starts a site on a loopback address.
func newSite(t testing.TB, answer func(received) string) *site {
	t.Helper()
	s := &site{t: t, answer: func(_ http.ResponseWriter, r received) (string, bool) { return answer(r), true }}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) messages() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got)
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m := received{path: r.URL.Path, header: r.Header}
	if r.Method != "CCM_POST" {
		http.Error(w, "no such verb", http.StatusMethodNotAllowed)
		return
	}
	if err := m.read(r); err != nil {
		s.t.Errorf("the message does not read: %v", err)
		return
	}
	s.mu.Lock()
	s.got = append(s.got, m)
	s.mu.Unlock()
	if text, proceed := s.answer(w, m); proceed {
		writeReply(w, text, m.envelope.ReplyCompression)
	}
}

// writeReply answers with text. "" is the silent refusal.
func writeReply(w http.ResponseWriter, text, compression string) {
	if text == "" {
		w.Header().Set("Content-Length", "0")
		return
	}
	body := utf16le(text, true)
	if compression != "none" {
		body = zlibbed(body)
	}
	reply := multipart.NewWriter(w)
	w.Header().Set("Content-Type", "multipart/mixed; boundary="+reply.Boundary())
	for kind, content := range map[string][]byte{"text/plain": append([]byte{0xff, 0xfe}, utf16le("<Msg><ReplyTo/></Msg>", false)...)} {
		part, _ := reply.CreatePart(map[string][]string{"Content-Type": {kind}})
		_, _ = part.Write(content)
	}
	part, _ := reply.CreatePart(map[string][]string{"Content-Type": {"application/octet-stream"}})
	_, _ = part.Write(body)
	_ = reply.Close()
}

func (m *received) read(r *http.Request) error {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	parts := multipart.NewReader(r.Body, params["boundary"])
	var raw [][]byte
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		b, err := io.ReadAll(p)
		if err != nil {
			return err
		}
		raw = append(raw, b)
	}
	envelope, found := bytes.CutPrefix(raw[0], []byte{0xff, 0xfe})
	if len(raw) != 2 || !found {
		return io.ErrUnexpectedEOF
	}
	if err := xml.Unmarshal([]byte(fromUTF16(envelope)), &m.envelope); err != nil {
		return err
	}
	m.sent = raw[1]
	text := m.sent
	if m.envelope.Hooks.Hook3.Name == "zlib-compress" {
		z, err := zlib.NewReader(bytes.NewReader(m.sent))
		if err != nil {
			return err
		}
		if text, err = io.ReadAll(z); err != nil {
			return err
		}
	}
	m.body = strings.TrimSuffix(fromUTF16(text), "\x00")
	if len(text) != m.envelope.Body.Length || len(m.body)*2+2 != len(text) && isASCII(m.body) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) }

// signed tells whether a message is signed as a site wants it.
func (m received) signed(key *rsa.PublicKey) bool {
	return m.envelope.Hooks.Hook2.Name == "clientauth" &&
		verifies(key, utf16le(m.envelope.SourceID, true), m.property("ClientIDSignature"), true) &&
		verifies(key, m.sent, m.property("PayloadSignature"), true)
}

// testClient is a client of a site with a registered identity. change, if it is not nil, changes its settings.
func testClient(t testing.TB, s *site, change func(*Config)) *Client {
	t.Helper()
	config := Config{
		URL: s.URL, SiteCode: "PS1", Host: "BOX01", Identity: testIdentity(t, testSMSID), Transport: testTransport(t),
	}
	if change != nil {
		change(&config)
	}
	c, err := New(config)
	must(t, err)
	return c
}

func testTransport(t testing.TB) *http.Transport {
	t.Helper()
	transport, err := NewTransport(TransportConfig{})
	must(t, err)
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// otherCertificate is a certificate of another key than testKey.
func otherCertificate(t testing.TB) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	return der
}

// named gives a site that is served by another server the address of that server.
func (s *site) named(server *httptest.Server) *site { s.Server = server; return s }
