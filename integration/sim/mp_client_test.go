package sim

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
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
