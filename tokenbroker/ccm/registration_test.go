package ccm

import (
	"context"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wireRegistration is a registration as a site reads it.
type wireRegistration struct {
	Data struct {
		HashAlgorithm string `xml:"HashAlgorithm,attr"`
		SMSID         string `xml:"SMSID,attr"`
		RequestType   string `xml:"RequestType,attr"`
		TimeStamp     string `xml:"TimeStamp,attr"`
		Certificates  struct {
			Encryption, Signing struct {
				Encoding string `xml:"Encoding,attr"`
				KeyType  string `xml:"KeyType,attr"`
				Hex      string `xml:",chardata"`
			}
		}
		DiscoveryProperties struct {
			Property []struct {
				Name  string `xml:"Name,attr"`
				Value string `xml:"Value,attr"`
			}
		}
	}
	Signature struct{ SignatureValue string }
}

// readRegistration checks the signature of a registration over its literal text, with the key of its own certificate.
func readRegistration(t *testing.T, m received) wireRegistration {
	t.Helper()
	var r wireRegistration
	must(t, xml.Unmarshal([]byte(m.body), &r))
	data := regexp.MustCompile(`<Data .*</Data>`).FindString(m.body)
	c, err := x509.ParseCertificate(unhex(t, r.Data.Certificates.Signing.Hex))
	must(t, err)
	if !testKey().PublicKey.Equal(c.PublicKey) || !verifies(&testKey().PublicKey, utf16le(data, false), r.Signature.SignatureValue, true) {
		t.Errorf("the registration %s is not signed", r.Data.RequestType)
	}
	return r
}

func TestRegister(t *testing.T) {
	s := newSite(t, func(received) string {
		return `<ClientRegistrationResponse ResponseType="Registration" TimeStamp="2024-01-02T03:04:06Z" Status="0" SMSID="` + testSMSID + `" ApprovalStatus="0" New="1"/>`
	})
	c := testClient(t, s, func(c *Config) {
		c.Identity = testIdentity(t, "")
		c.Registration = RegistrationSettings{FQDN: "box01.example.org", InternetFlag: 1, Properties: map[string]string{"Locale ID": "1031", "AD Site Name": "x<y"}}
		c.Now = func() time.Time { return time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC) }
	})
	got, err := c.Register(t.Context())
	must(t, err)
	if got.SMSID != testSMSID || got.State() != StatePendingApproval || !slices.Equal(got.Unknown, []string{"ClientRegistrationResponse/@New"}) {
		t.Errorf("got %+v, %s", got, got.State())
	}
	m := s.messages()[0]
	if m.path != "/ccm_system/request" || m.envelope.TargetEndpoint != "MP_ClientRegistration" || m.envelope.SourceID != "" || m.envelope.Hooks.Hook2.Name != "" ||
		m.envelope.SentTime != "2024-01-02T03:04:05Z" || m.header.Get("User-Agent") != "ccmhttp" {
		t.Errorf("sent to %s as %+v", m.path, m.envelope)
	}
	r := readRegistration(t, m)
	d := r.Data
	if d.RequestType != "Registration" || d.SMSID != "" || d.HashAlgorithm != string(SHA256) || d.TimeStamp != "2024-01-02T03:04:05Z" ||
		d.Certificates.Signing != d.Certificates.Encryption || d.Certificates.Signing.KeyType != "1" || d.Certificates.Signing.Encoding != "HexBinary" {
		t.Errorf("registered as %+v", d)
	}
	want := `[{Netbios Name BOX01} {FQ Name box01.example.org} {Locale ID 1031} {InternetFlag 1} {AD Site Name x<y}]`
	if got := fmt.Sprint(d.DiscoveryProperties.Property); got != want {
		t.Errorf("properties %s, want %s", got, want)
	}
}

func TestConfirm(t *testing.T) {
	for _, signed := range []bool{false, true} {
		s := newSite(t, func(received) string {
			return `<ClientRegistrationResponse ResponseType="Confirmation" Status="0" ApprovalStatus="1"/>`
		})
		c := testClient(t, s, func(c *Config) { c.Registration.SignConfirmation = signed })
		got, err := c.Confirm(t.Context())
		if err != nil || got.State() != StateRegistered {
			t.Errorf("signed %v: got %+v, %v", signed, got, err)
		}
		m := s.messages()[0]
		if r := readRegistration(t, m); r.Data.SMSID != testSMSID || r.Data.RequestType != "Confirmation" || len(r.Data.DiscoveryProperties.Property) != 0 {
			t.Errorf("signed %v: confirmed as %+v", signed, r.Data)
		}
		if m.signed(&testKey().PublicKey) != signed || (m.envelope.SourceID != "") != signed {
			t.Errorf("signed %v: the envelope is of the other kind", signed)
		}
		if _, err := c.As(testIdentity(t, "")).Confirm(t.Context()); !errors.Is(err, ErrNotRegistered) {
			t.Errorf("without an id: %v", err)
		}
	}
}

func TestRegistrationReplies(t *testing.T) {
	for _, c := range []struct {
		name, attributes string
		want             State
		bad              bool
	}{
		{"approved", `Status="0" ApprovalStatus="1"`, StateRegistered, false},
		{"PKI", `Status="0" ApprovalStatus="2"`, StateRegistered, false},
		{"Entra", `Status="0" ApprovalStatus="3"`, StateRegistered, false},
		{"waits for an administrator", `Status="0" ApprovalStatus="0"`, StatePendingApproval, false},
		{"approval unknown", `Status="0" ApprovalStatus="-1"`, StatePendingApproval, false},
		{"approval not said", `Status="0"`, StatePendingApproval, false},
		{"pending", `Status="1" ApprovalStatus="0"`, StatePending, false},
		{"reset", `Status="2"`, StateReset, false},
		{"blocked", `Status="3" ApprovalStatus="1"`, StateRejected, false},
		{"certificate reset", `Status="4"`, StateReset, false},
		{"a status to come", `Status="9"`, StateRejected, false},
		{"no status", ``, "", true},
		{"no number", `Status="x"`, "", true},
		{"approval is no number", `Status="0" ApprovalStatus="x"`, "", true},
		{"id is none", `Status="0" SMSID="GUID:1"`, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, err := parseXML(`<ClientRegistrationResponse ` + c.attributes + `/>`)
			must(t, err)
			r, err := parseRegistration(root)
			if (err != nil) != c.bad || err == nil && r.State() != c.want {
				t.Errorf("got %s (%v), want %s", r.State(), err, c.want)
			}
		})
	}
	if _, err := parseRegistration(tag("SiteInfoReply", "Status", "0")); err == nil {
		t.Error("another answer passes for one to a registration")
	}
}

// inMemory answers messages without a network, which synctest needs.
type inMemory func(n int) (text string, err error)

func (f inMemory) transport(t *testing.T) http.RoundTripper {
	n := 0
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		n++
		text, err := f(n)
		if err != nil {
			return nil, err
		}
		w := httptest.NewRecorder()
		writeReply(w, text, "none")
		return w.Result(), nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAwaitApproval(t *testing.T) {
	reply := func(status, approval int) string {
		return fmt.Sprintf(`<ClientRegistrationResponse Status="%d" ApprovalStatus="%d"/>`, status, approval)
	}
	broken := errors.New("no line")
	for _, c := range []struct {
		name    string
		replies inMemory
		patient time.Duration
		want    error
		state   State
		took    time.Duration
		asked   string
	}{
		{"at once", func(int) (string, error) { return reply(0, 1), nil }, 0, nil, StateRegistered, 0, "registered"},
		{"not ready, no line, pending, approved", func(n int) (string, error) {
			switch n {
			case 1:
				return "", nil
			case 2:
				return "", broken
			case 3:
				return reply(1, 0), nil
			case 4:
				return reply(0, 0), nil
			}
			return reply(0, 1), nil
		}, 0, nil, StateRegistered, (30 + 60 + 120 + 240) * time.Second, "refused, unreachable, pending registration, pending approval, registered"},
		{"never, with pauses that end growing", func(int) (string, error) { return reply(0, 0), nil }, 18 * time.Minute, ErrNotApproved, StatePendingApproval, 18 * time.Minute,
			strings.Repeat("pending approval, ", 6) + "pending approval"},
		{"rejected", func(n int) (string, error) { return reply(3, 0), nil }, 0, ErrNotApproved, StateRejected, 0, "rejected"},
		{"reset", func(n int) (string, error) { return reply(4, 0), nil }, 0, ErrNotRegistered, StateReset, 0, "reset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			identity := testIdentity(t, testSMSID)
			synctest.Test(t, func(t *testing.T) {
				client, err := New(Config{URL: "http://mp.example.org", SiteCode: "PS1", Host: "BOX01", Identity: identity, Transport: c.replies.transport(t)})
				must(t, err)
				ctx := t.Context()
				if c.patient > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.patient)
					defer cancel()
				}
				var told []string
				began := time.Now()
				r, err := client.AwaitApproval(ctx, Poll{}, func(r Registration, err error) {
					switch {
					case errors.Is(err, ErrRefused):
						told = append(told, "refused")
					case errors.Is(err, ErrUnreachable):
						told = append(told, "unreachable")
					default:
						told = append(told, string(r.State()))
					}
				})
				if !errors.Is(err, c.want) || r.State() != c.state || time.Since(began) != c.took || strings.Join(told, ", ") != c.asked {
					t.Errorf("got %s (%v) after %v, told %q; want %s (%v) after %v, told %q", r.State(), err, time.Since(began), told, c.state, c.want, c.took, c.asked)
				}
			})
		})
	}
}

func TestIdentity(t *testing.T) {
	i := testIdentity(t, "")
	for _, c := range []struct{ id, want string }{
		{testSMSID, testSMSID}, {strings.ToLower(testSMSID), testSMSID}, {strings.TrimPrefix(testSMSID, "GUID:"), testSMSID},
		{"{" + testSMSID[5:] + "}", testSMSID}, {"GUID:" + strings.Repeat("0", 36), ""}, {testSMSID + "0", ""}, {"GUID:", ""}, {"", ""},
		{strings.Replace(testSMSID, "0F", "GG", 1), ""},
	} {
		named, err := i.WithSMSID(c.id)
		if (err != nil) != (c.want == "") || err == nil && (named.SMSID() != c.want || i.SMSID() != "") {
			t.Errorf("%q: got %v (%v), want %q", c.id, named, err, c.want)
		}
	}
	der := i.Certificate()
	for name, config := range map[string]IdentityConfig{
		"no key": {Certificate: der}, "no certificate": {Key: testKey()}, "key type": {Key: testKey(), Certificate: der, KeyType: 7},
		"broken certificate": {Key: testKey(), Certificate: der[:100]}, "bad id": {Key: testKey(), Certificate: der, SMSID: "x"},
		"certificate of another key":            {Key: testKey(), Certificate: otherCertificate(t)},
		"encryption certificate of another key": {Key: testKey(), Certificate: der, EncryptionCertificate: otherCertificate(t)},
	} {
		if _, err := NewIdentity(config); err == nil {
			t.Errorf("%s: an identity is made", name)
		}
	}
	guid := newGUID()
	if !isGUID(guid) || guid == newGUID() || guid[14] != '4' {
		t.Errorf("%q is no random GUID", guid)
	}
}

func TestCertificate(t *testing.T) {
	from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	der, err := NewCertificate(testKey(), from, from.AddDate(100, 0, 0))
	must(t, err)
	c, err := x509.ParseCertificate(der)
	must(t, err)
	if got := fmt.Sprint(c.Subject, int(c.KeyUsage), c.UnknownExtKeyUsage, c.SignatureAlgorithm, c.NotAfter.Year()); got != "CN=ConfigMgr Client 9 [1.3.6.1.4.1.311.101.2 1.3.6.1.4.1.311.101] SHA256-RSA 2124" {
		t.Errorf("the certificate is %s", got)
	}
	must(t, c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature))
	if _, err := NewCertificate(testKey(), from, from); err == nil {
		t.Error("a certificate is made that ends before it begins")
	}
}
