package ccm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"
)

// wireLocation is a content location request as a site reads it.
type wireLocation struct {
	XMLName xml.Name
	Package *struct {
		ID              string `xml:"ID,attr"`
		Version         string `xml:"Version,attr"`
		DeploymentFlags string `xml:"DeploymentFlags,attr"`
	}
	ClientPackage *struct {
		DeploymentFlags string `xml:"DeploymentFlags,attr"`
	}
	AssignedSite struct {
		SiteCode string `xml:"SiteCode,attr"`
	}
	ClientLocationInfo struct {
		Attributes []xml.Attr `xml:",any,attr"`
		ADSite     struct {
			Name string `xml:"Name,attr"`
		}
		IPAddresses struct {
			IPAddress []struct {
				SubnetAddress string `xml:"SubnetAddress,attr"`
				Address       string `xml:"Address,attr"`
			}
		}
		BoundaryGroups struct {
			BoundaryGroup []struct {
				GroupID   int    `xml:"GroupID,attr"`
				GroupGUID string `xml:"GroupGUID,attr"`
			}
		}
	}
}

func (w wireLocation) attributes() map[string]string {
	all := map[string]string{}
	for _, a := range w.ClientLocationInfo.Attributes {
		all[a.Name.Local] = a.Value
	}
	return all
}

const noLocations = `<ContentLocationReply SchemaVersion="1.00" BGRVersion="1"><BoundaryGroups BoundaryGroupListRetrieveTime="2024-01-02T03:04:06.100" IsOnVPN="0"><DOINCServers/></BoundaryGroups><ContentInfo/><Sites><Site><MPSite SiteCode="PS1" MasterSiteCode="PS1" SiteLocality="FALLBACK"/><LocationRecords/></Site></Sites><RelatedContentIDs/></ContentLocationReply>`

func TestLocateAsks(t *testing.T) {
	usual := map[string]string{"LocationType": "SMSPackage", "DistributeOnDemand": "0", "UseAzure": "1", "AllowWUMU": "0", "UseInternetDP": "0",
		"AllowHTTP": "1", "AllowSMB": "0", "AllowMulticast": "0", "AllowSuperPeer": "0", "DPTokenAuth": "1"}
	for _, c := range []struct {
		name    string
		content Content
		change  func(*Config)
		asked   string
		other   map[string]string // attributes that differ
	}{
		{"package", Content{Package, "PS100015", 3}, nil, "PS100015 3 4352", nil},
		{"application", Content{Application, "Content_" + testSMSID[5:], 1}, nil, "Content_" + testSMSID[5:] + " 1 4352", nil},
		{"update", Content{Update, "UID:" + testSMSID[5:], 1}, nil, "UID:" + testSMSID[5:] + " 1 4352", map[string]string{"LocationType": "SMSUpdate"}},
		{"client package", Content{}, nil, "client 4098", nil},
		{"other flags", Content{Package, "PS100015", 3}, func(c *Config) { c.Location.DeploymentFlags = 9223372036855313105 }, "PS100015 3 9223372036855313105", nil},
		{"other attributes", Content{}, func(c *Config) {
			c.Location.Attributes = map[string]string{"UseInternetDP": "1", "UseAzure": "", "New": "<x>"}
		}, "client 4098", map[string]string{"UseInternetDP": "1", "UseAzure": "", "New": "<x>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, func(r received) string { return noLocations })
			found, err := testClient(t, s, c.change).Locate(t.Context(), c.content, Place{
				ADSite: "Branch & Co", Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.10/24")}, BoundaryGroups: []BoundaryGroup{{5, "{G}"}},
			})
			if err != nil || len(found.List) != 0 || len(found.Unknown) != 0 {
				t.Fatalf("an answer without locations gives %+v (%v)", found, err)
			}
			m := s.messages()[0]
			if !m.signed(&testKey().PublicKey) || m.envelope.TargetEndpoint != "MP_LocationManager" || m.envelope.SourceID != testSMSID || m.property("ClientCapabilities") != "NonSSL" {
				t.Errorf("the message is not signed as a site wants it: %+v", m.envelope)
			}
			var w wireLocation
			must(t, xml.Unmarshal([]byte(m.body), &w))
			asked := "client"
			if w.Package != nil {
				asked = w.Package.ID + " " + w.Package.Version + " " + w.Package.DeploymentFlags
			} else {
				asked += " " + w.ClientPackage.DeploymentFlags
			}
			want := maps.Clone(usual)
			for name, value := range c.other {
				want[name] = value
				if value == "" {
					delete(want, name)
				}
			}
			if asked != c.asked || !maps.Equal(w.attributes(), want) || w.AssignedSite.SiteCode != "PS1" {
				t.Errorf("asked for %s at %s with %v; want %s with %v", asked, w.AssignedSite.SiteCode, w.attributes(), c.asked, want)
			}
			if got := fmt.Sprint(w.ClientLocationInfo.ADSite, w.ClientLocationInfo.IPAddresses, w.ClientLocationInfo.BoundaryGroups); got != "{Branch & Co} {[{192.0.2.0 192.0.2.10}]} {[{5 {G}}]}" {
				t.Errorf("the place is %s", got)
			}
			again, err := RequestedContent(m.body)
			if err != nil || again != c.content {
				t.Errorf("the request reads as %+v (%v), want %+v", again, err, c.content)
			}
		})
	}
}

// TestMessageForms checks the settings of messages.
func TestMessageForms(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		check  func(m received) bool
	}{
		{"usual", nil, func(m received) bool {
			return m.envelope.Hooks.Hook3.Name == "zlib-compress" && m.envelope.ReplyCompression == "zlib" && strings.HasPrefix(m.property("PublicKey"), "0602") && len(m.header["Clienttoken"]) == 0
		}},
		{"raw both ways", func(c *Config) { c.Message.Raw, c.Message.ReplyCompression = true, "none" }, func(m received) bool {
			return m.envelope.Hooks.Hook3.Name == "" && m.envelope.ReplyCompression == "none" && m.signed(&testKey().PublicKey)
		}},
		{"unnamed key", func(c *Config) { c.Message.UnnamedKey = true }, func(m received) bool { return m.property("PublicKey") == "" }},
		{"capabilities", func(c *Config) { c.Message.Capabilities = "SSL" }, func(m received) bool { return m.property("ClientCapabilities") == "SSL" }},
		{"unsigned", func(c *Config) { c.Location.Unsigned = true }, func(m received) bool {
			return m.envelope.Hooks.Hook2.Name == "" && m.envelope.SourceID == testSMSID
		}},
		{"unsigned, of nobody", func(c *Config) { c.Location.Unsigned, c.Identity = true, nil }, func(m received) bool {
			return m.envelope.Hooks.Hook2.Name == "" && m.envelope.SourceID == ""
		}},
		{"authenticator", func(c *Config) { c.Authenticator.Form = ClientToken }, func(m received) bool {
			return strings.HasPrefix(m.header.Get("ClientToken"), testSMSID+";") && m.header.Get("ClientTokenSignature") != ""
		}},
		{"directory", func(c *Config) { c.Directory = "ccm_system_altauth" }, func(m received) bool { return m.path == "/ccm_system_altauth/request" }},
		{"below a path", func(c *Config) { c.URL += "/CCM_Proxy_MutualAuth/1/" }, func(m received) bool { return m.path == "/CCM_Proxy_MutualAuth/1/ccm_system/request" }},
		{"target", func(c *Config) { c.TargetHost = "mp01" }, func(m received) bool { return m.envelope.TargetHost == "mp01" }},
		{"user agent", func(c *Config) { c.UserAgent = "SMS CCM 5.0" }, func(m received) bool { return m.header.Get("User-Agent") == "SMS CCM 5.0" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, func(received) string { return noLocations })
			if _, err := testClient(t, s, c.change).Locate(t.Context(), Content{}, Place{}); err != nil {
				t.Fatal(err)
			}
			if m := s.messages()[0]; !c.check(m) {
				t.Errorf("sent to %s with %v: %+v", m.path, m.header, m.envelope)
			}
		})
	}
}

func TestLocateErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer string
		want   error
	}{
		{"silent refusal", "", ErrRefused},
		{"another answer", `<SiteInfoReply/>`, ErrProtocol},
		{"no XML", `hello`, ErrProtocol},
		{"document type", `<!DOCTYPE ContentLocationReply><ContentLocationReply/>`, ErrProtocol},
		{"too large", `<ContentLocationReply>` + strings.Repeat(" ", 1<<17) + `</ContentLocationReply>`, ErrProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, func(received) string { return c.answer })
			client := testClient(t, s, func(c *Config) { c.MaxReply = 1 << 16 })
			_, err := client.Locate(t.Context(), Content{}, Place{})
			if e, ok := errors.AsType[*Error](err); !ok || !errors.Is(err, c.want) || e.Status != 200 {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	s := newSite(t, func(received) string { return noLocations })
	if _, err := testClient(t, s, func(c *Config) { c.Identity = testIdentity(t, "") }).Locate(t.Context(), Content{}, Place{}); !errors.Is(err, ErrNotRegistered) {
		t.Errorf("who is not registered gets %v", err)
	}
	if _, err := testClient(t, s, nil).Locate(t.Context(), Content{Kind: Package}, Place{}); err == nil || len(s.messages()) != 0 {
		t.Errorf("a package without an id is asked for (%v)", err)
	}
}

func TestParseContent(t *testing.T) {
	guid := "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
	for _, c := range []struct {
		id      string
		version int
		want    Content
	}{
		{"PS100015", 0, Content{Package, "PS100015", 1}}, {"ps100015.3", 0, Content{Package, "PS100015", 3}}, {"PS100015", 7, Content{Package, "PS100015", 7}},
		{"PS100015.3", 7, Content{Package, "PS100015", 7}}, {"content_" + guid + ".2", 0, Content{Application, "Content_" + guid, 2}},
		{"Content_" + guid, 0, Content{Application, "Content_" + guid, 1}}, {guid, 0, Content{Update, "UID:" + guid, 1}},
		{"UID:" + guid, 0, Content{Update, "UID:" + guid, 1}}, {"uid:" + guid, 5, Content{Update, "UID:" + guid, 1}},
		{"PS10001", 0, Content{}}, {"PS1000<5", 0, Content{}}, {"Content_x", 0, Content{}}, {"", 0, Content{}}, {"PS100015.x", 0, Content{}},
		{"PS100015.0", 0, Content{}}, {"PS100015", -1, Content{}}, {"PS100015.1.2", 0, Content{}},
	} {
		got, err := ParseContent(c.id, c.version)
		if got != c.want || (err != nil) != (c.want == Content{}) {
			t.Errorf("%q, %d: got %+v (%v), want %+v", c.id, c.version, got, err, c.want)
		}
	}
	for _, bad := range []string{"<a/>", "<ContentLocationRequest/>", `<ContentLocationRequest><Package ID="PS100015"/></ContentLocationRequest>`,
		`<ContentLocationRequest><Package ID="?" Version="1"/></ContentLocationRequest>`, "x"} {
		if c, err := RequestedContent(bad); err == nil {
			t.Errorf("%s asks for %+v", bad, c)
		}
	}
}
