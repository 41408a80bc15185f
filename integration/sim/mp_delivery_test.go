package sim

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// opens decrypts a CMS EnvelopedData from its DER alone: the structure of RFC 5652, read by position.
func opens(t *testing.T, key *rsa.PrivateKey, der []byte) string {
	t.Helper()
	var parts struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue
	}
	mustUnmarshal(t, der, &parts)
	var enveloped struct {
		Version    int
		Recipients asn1.RawValue
		Encrypted  struct {
			Type      asn1.ObjectIdentifier
			Algorithm struct {
				OID asn1.ObjectIdentifier
				IV  []byte
			}
			Data asn1.RawValue
		}
	}
	mustUnmarshal(t, parts.Content.Bytes, &enveloped)
	var recipient struct {
		Version   int
		Who       asn1.RawValue
		Algorithm struct {
			OID        asn1.ObjectIdentifier
			Parameters asn1.RawValue
		}
		Key []byte
	}
	mustUnmarshal(t, enveloped.Recipients.Bytes, &recipient)
	var content []byte
	var err error
	switch recipient.Algorithm.OID.String() {
	case "1.2.840.113549.1.1.1":
		//lint:ignore SA1019 it is what clients do
		content, err = rsa.DecryptPKCS1v15(rand.Reader, key, recipient.Key)
	case "1.2.840.113549.1.1.7":
		content, err = rsa.DecryptOAEP(sha1.New(), rand.Reader, key, recipient.Key, nil)
	}
	if err != nil || content == nil {
		t.Fatalf("key transport %v: %v", recipient.Algorithm.OID, err)
	}
	makeBlock := map[string]func([]byte) (cipher.Block, error){"2.16.840.1.101.3.4.1.42": aes.NewCipher, "1.2.840.113549.3.7": des.NewTripleDESCipher}
	block, err := makeBlock[enveloped.Encrypted.Algorithm.OID.String()](content)
	if err != nil {
		t.Fatal(err)
	}
	plain := bytes.Clone(enveloped.Encrypted.Data.Bytes)
	cipher.NewCBCDecrypter(block, enveloped.Encrypted.Algorithm.IV).CryptBlocks(plain, plain)
	return wide(plain[:len(plain)-int(plain[len(plain)-1])])
}

func mustUnmarshal(t *testing.T, der []byte, into any) {
	t.Helper()
	if rest, err := asn1.Unmarshal(der, into); err != nil || len(rest) > 0 {
		t.Fatalf("%x: %v, %d bytes too many", der, err, len(rest))
	}
}

// unwrap takes off a token what is around it.
func (c *caller) unwrap(t *testing.T, e TokenEncoding, text string) string {
	t.Helper()
	var raw []byte
	var err error
	switch e {
	case EncodeNot:
		return text
	case EncodeBase64:
		raw, err = base64.StdEncoding.DecodeString(text)
	default:
		raw, err = hex.DecodeString(text)
	}
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if e == EncodeCMS {
		return opens(t, c.cert.PrivateKey.(*rsa.PrivateKey), raw)
	}
	return string(raw)
}

func (m *testMP) accepts(t *testing.T, token string) bool {
	t.Helper()
	resp, _ := mustRequest(t, m.web, "GET", m.first.URL("https"), "/CCMTOKENAUTH_SMS_DP_SMSPKG$/"+testPackage+"/setup.exe",
		"X-Dp", "Bearer "+token)
	return resp.StatusCode == 200
}

// TestDeliveryInReply is variant A, with each place and encoding.
func TestDeliveryInReply(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.approvedCaller("PC1")
	places := map[DeliveryPlace][]string{PlaceRoot: nil, PlaceSite: {"Sites", "Site"}, PlaceRecord: {"Sites", "Site", "LocationRecords", "LocationRecord"}}
	for place, path := range places {
		for _, attribute := range []bool{false, true} {
			for _, encoding := range []TokenEncoding{EncodeNot, EncodeBase64, EncodeHex, EncodeCMS} {
				m.change(func(s *MPSettings) {
					s.Delivery = TokenDelivery{Place: place, Attribute: attribute, Encoding: encoding, Name: "AccessToken", ExpiryName: "Until", Life: time.Minute}
				})
				before := m.Tally.Tokens(MPToken{"PC1", AudienceSite})
				root, _ := c.ask(question(testPackage, "UseAzure", "0"), true)
				at := root.at(path...)
				text := at.value("AccessToken")
				if attribute {
					text = at.attr("AccessToken")
				}
				names := map[bool]int{true: 1, false: 2}[attribute] // an element's name stands in two tags
				if !m.accepts(t, c.unwrap(t, encoding, text)) || strings.Count(root.String(), "AccessToken") != names {
					t.Errorf("place %d, attribute %v, encoding %d: %v", place, attribute, encoding, root)
				}
				if until := at.attr("Until"); until != m.clock.Now().Add(time.Minute).UTC().Format(time.RFC3339Nano) {
					t.Errorf("place %d: it is good until %q", place, until)
				}
				if got := m.Tally.Tokens(MPToken{"PC1", AudienceSite}) - before; got != 1 {
					t.Errorf("place %d: %d tokens are issued", place, got)
				}
			}
		}
	}
	if root, _ := c.ask(question(testPackage, "DPTokenAuth", "0", "UseAzure", "0"), true); strings.Contains(root.String(), "AccessToken") {
		t.Errorf("who does not know of tokens gets one: %v", root)
	}
}

// TestDeliveryByMessage is variants B and C, and D, in which the management point has none.
func TestDeliveryByMessage(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.approvedCaller("PC1")
	waiting := m.caller("http", m.machine(Workgroup, "PC2"))
	waiting.mustRegister("ccm_system", "0/0")
	manager := post{endpoint: "MP_TokenManager", body: "<TokenRequest/>", signed: true}
	services := post{endpoint: "MP_LocationManager", body: "<TokenServicesRequest/>", signed: true}
	for form, asked := range map[DeliveryForm]*post{DeliverInReply: nil, DeliverByTokenManager: &manager, DeliverByTokenServices: &services, DeliverNowhere: nil} {
		m.change(func(s *MPSettings) { s.Delivery = TokenDelivery{Form: form, Encoding: EncodeCMS} })
		for _, p := range []*post{&manager, &services} {
			got := c.post(*p)
			if p != asked {
				if !got.refusedSilently() {
					t.Errorf("form %d: %s is answered with %q", form, p.endpoint, got.body)
				}
				continue
			}
			root, err := readXML(got.body)
			if err != nil || !m.accepts(t, c.unwrap(t, EncodeCMS, root.value("DPToken"))) {
				t.Errorf("form %d: %q, %v", form, got.body, err)
			}
			unsigned := *p
			unsigned.signed = false
			if got := c.post(unsigned); !got.refusedSilently() || !strings.Contains(m.refusal(), "has to be signed") {
				t.Errorf("form %d: unsigned it is answered with %q", form, got.body)
			}
			if got := waiting.post(*p); !got.refusedSilently() {
				t.Errorf("form %d: a machine that waits for approval gets %q", form, got.body)
			}
		}
		root, list := c.ask(question(testPackage), true)
		if len(list) != 5 || list[3].token == "" || (root.value("DPToken") != "") != (form == DeliverInReply) {
			t.Errorf("form %d: the reply is %v", form, root)
		}
	}
	m.change(func(s *MPSettings) {
		s.Delivery, s.Sources = TokenDelivery{Form: DeliverByTokenManager}, []Source{{DP: m.second}}
	})
	if got := c.post(manager); !got.refusedSilently() {
		t.Errorf("no DP takes tokens, and there is one: %q", got.body)
	}
	m.change(func(s *MPSettings) {
		s.Delivery, s.Anonymous, s.Sources = TokenDelivery{Encoding: EncodeCMS}, AnonymousTokens, []Source{{DP: m.first}}
	})
	if root, _ := c.ask(question(testPackage), false); root != nil {
		t.Errorf("a token is encrypted to nobody: %v", root)
	}
}

// TestEnveloping: every form opens, with the key that it is for.
func TestEnveloping(t *testing.T) {
	pair, err := newSelfSigned()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keyFile, certFile := write("key.pem", "PRIVATE KEY", key), write("cert.pem", "CERTIFICATE", cert.Raw)
	openssl, missing := exec.LookPath("openssl")
	for _, e := range []Enveloping{{}, {TripleDES: true}, {OAEP: true}, {TripleDES: true, OAEP: true}} {
		for _, text := range []string{"", "token", "12345678", strings.Repeat("long ", 1000)} {
			der, err := e.seal(utf16le(text), cert)
			if err != nil {
				t.Fatal(err)
			}
			if got := opens(t, pair.PrivateKey.(*rsa.PrivateKey), der); got != text {
				t.Errorf("%+v: %q opens as %q", e, text, got)
			}
			if missing != nil {
				continue // not on every machine that this is developed on
			}
			cmd := exec.CommandContext(t.Context(), openssl, "cms", "-decrypt", "-inform", "DER", "-recip", certFile, "-inkey", keyFile)
			cmd.Stdin = bytes.NewReader(der)
			if got, err := cmd.Output(); err != nil || wide(got) != text {
				t.Errorf("%+v: openssl opens %q as %q, %v", e, text, wide(got), err)
			}
		}
	}
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Enveloping{}).seal(nil, ca.cert); err == nil {
		t.Error("something is sealed to a key that cannot decrypt")
	}
}
