package ccm

import (
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
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

func record(url, locality, capabilities, more string) string {
	return `<LocationRecord><URL Name="` + url + `" Signature="https://dp/SMS_DP_SMSSIG$/PS100015.1.tar"/><ADSite Name="x"/><IPSubnets><IPSubnet Address="192.0.2.0"/></IPSubnets><Metric Value=""/><Version>9040</Version><Capabilities SchemaVersion="1.0">` +
		capabilities + `</Capabilities><ServerRemoteName>dp01.example.org</ServerRemoteName><DPType>SERVER</DPType><Windows Trust="1"/><Locality>` + locality + `</Locality>` + more + `</LocationRecord>`
}

func capabilities(ssl, auth string) string {
	return `<Property Name="SSLState" Value="` + ssl + `"/><Property Name="AuthMethod" Value="` + auth + `"/>`
}

func locationReply(sites ...string) string {
	return `<ContentLocationReply SchemaVersion="1.00" BGRVersion="1" ContentFlags="200960" HashAlgorithm="32780" AlgorithmPreference="4" Hash="AB" ExcludeFileListHash="" RelatedContentID=""><BoundaryGroups BoundaryGroupListRetrieveTime="x" IsOnVPN="0"><BoundaryGroup GroupID="5" GroupGUID="{G}"/><DOINCServers/></BoundaryGroups><ContentInfo PackageFlags="32"><ContentHashValues><Hash Algorithm="32780" HashString="ABCD" HashPreference="4"/></ContentHashValues></ContentInfo><Sites>` +
		strings.Join(sites, "") + `</Sites><RelatedContentIDs/></ContentLocationReply>`
}

func inSite(locality string, records ...string) string {
	return `<Site><MPSite SiteCode="PS1" MasterSiteCode="PS1" SiteLocality="` + locality + `" IISPreferedPort="80" IISSSLPreferedPort="443"/><LocationRecords>` + strings.Join(records, "") + `</LocationRecords></Site>`
}

func readLocations(t *testing.T, reply string, settings LocationSettings, token DPTokenSettings) Locations {
	t.Helper()
	r, err := NewReplyReader(settings, token)
	must(t, err)
	l, err := r.Read(reply, time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
	must(t, err)
	return l
}

func TestLocationAccess(t *testing.T) {
	for _, c := range []struct {
		name, url, capabilities string
		want                    Access
		cloud                   bool
	}{
		{"token", "https://dp/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015", capabilities("0", "1024"), AccessToken, false},
		{"token by its directory", "https://dp/ccmtokenauth_sms_dp_smspkg$/PS100015", "", AccessToken, false},
		{"token among other bits", "https://dp/x", capabilities("63", "1025"), AccessToken, false},
		{"plain", "http://dp/SMS_DP_SMSPKG$/PS100015", capabilities("0", "0"), AccessOpen, false},
		{"nothing said", "http://dp/SMS_DP_SMSPKG$/PS100015", "", AccessOpen, false},
		{"PKI", "https://dp/SMS_DP_SMSPKG$/PS100015", capabilities("63", "0"), AccessCertificate, false},
		{"no certificate", "https://dp/NOCERT_SMS_DP_SMSPKG$/PS100015", capabilities("63", "0"), AccessOpen, false},
		{"PKI bits of a plain URL", "http://dp/SMS_DP_SMSPKG$/PS100015", capabilities("63", "0"), AccessOpen, false},
		{"unreadable capabilities", "https://dp/SMS_DP_SMSPKG$/PS100015", capabilities("99999999999", "x"), AccessOpen, false},
		{"gateway", "https://cmg/downloadrestservice.svc/getcontentxmlsecure?pid=PS100015&amp;sig=" + canary, "", AccessToken, true},
		{"cloud by its type", "https://cloud.example.org/PS100015", "", AccessToken, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			reply := locationReply(inSite("LOCAL", record(c.url, "SUBNET", c.capabilities, "")))
			settings := LocationSettings{}
			if c.name == "cloud by its type" {
				settings.CloudTypes = []string{"server"}
			}
			l := readLocations(t, reply, settings, DPTokenSettings{})
			if len(l.List) != 1 || l.List[0].Access != c.want || l.List[0].Cloud != c.cloud {
				t.Fatalf("got %+v, want %s, cloud %v", l, c.want, c.cloud)
			}
			if got := l.List[0].Target(); got != strings.ReplaceAll(c.url, "&amp;", "&") {
				t.Errorf("the URL is %s, want %s", got, c.url)
			}
			clean(t, "the location", l, canary)
		})
	}
}

func TestLocationOrder(t *testing.T) {
	var records []string
	for i, locality := range []string{"NEW", "LOCAL", "SUBNET", "LOCAL", "subnet", "OTHER"} {
		records = append(records, record(fmt.Sprintf("http://dp%d/x", i), locality, "", ""))
	}
	reply := locationReply(inSite("FALLBACK", record("http://far/x", "SUBNET", "", "")), inSite("LOCAL", records...), inSite("FALLBACK", record("http://farther/x", "LOCAL", "", "")))
	for _, c := range []struct {
		name     string
		settings LocationSettings
		want     string
	}{
		{"usual", LocationSettings{}, "dp2 dp4 dp1 dp3 dp0 dp5 far farther"},
		{"other localities", LocationSettings{Localities: []string{"OTHER"}}, "dp5 dp0 dp1 dp2 dp3 dp4 far farther"},
		{"other sites", LocationSettings{SiteLocalities: []string{"FALLBACK"}}, "far farther dp2 dp4 dp1 dp3 dp0 dp5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := readLocations(t, reply, c.settings, DPTokenSettings{})
			var got []string
			for _, at := range l.List {
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(at.URL, "http://"), "/x"))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("the order is %q, want %q", got, c.want)
			}
		})
	}
}

func TestLocationReply(t *testing.T) {
	two := strings.Replace(record("http://dp01/SMS_DP_SMSPKG$/PS100015", "SUBNET", capabilities("3", "0"), `<Added a="v">v</Added>`), "<ADSite", `<URL Name="http://dp01:81/y"/><URL Name="\\dp01\share"/><URL Name="http://u:p@dp/x"/><URL/><ADSite`, 1)
	reply := locationReply(inSite("LOCAL", two,
		record("https://pc:8003/SCCM_BranchCache$/PS100015", "SUBNETPEER", capabilities("63", "0"), ""),
		record("https://pc/SCCM_BranchCache$/PS100015", "SUBNET", "", ""),
		record("https://pc:8003/x", "SUBNET", "", ""),
		record("https://pc/x", "GROUPPEER", "", ""),
	))
	l := readLocations(t, reply, LocationSettings{}, DPTokenSettings{})
	if len(l.List) != 2 || l.Peers != 4 || l.Unusable != 3 || !slices.Equal(l.Hashes, []ContentHash{{"32780", "ABCD"}}) || !l.Token.IsZero() || l.TokenError != nil {
		t.Fatalf("got %+v", l)
	}
	want := Location{URL: "http://dp01/SMS_DP_SMSPKG$/PS100015", Signature: "https://dp/SMS_DP_SMSSIG$/PS100015.1.tar", Access: AccessOpen, SSLState: SSLEnabled | SSLRequired,
		Site: "PS1", Locality: "SUBNET", SiteLocality: "LOCAL", Server: "dp01.example.org", Type: "SERVER", Version: "9040", Trusted: true}
	if got := l.List[0]; fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	prefix := "ContentLocationReply/Sites/Site/LocationRecords/LocationRecord/Added"
	if want := []string{prefix, prefix + "/@a"}; !slices.Equal(l.Unknown, want) {
		t.Errorf("unknown are %q, want %q", l.Unknown, want)
	}
}

func FuzzLocationReply(f *testing.F) {
	f.Add(noLocations)
	f.Add(locationReply(inSite("LOCAL", record("https://dp/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015", "SUBNET", capabilities("0", "1024"), `<Token>x</Token>`))))
	f.Add(`<ContentLocationReply Token="x"><Sites><Site><LocationRecords><LocationRecord><URL Name="http://a?b"/></LocationRecord></LocationRecords></Site></Sites></ContentLocationReply>`)
	reader, err := NewReplyReader(LocationSettings{}, DPTokenSettings{ExpiryPaths: []string{"//@Expires"}, Decode: Base64})
	must(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := reader.Read(text, time.Unix(1e9, 0))
		if err != nil {
			return
		}
		for _, at := range l.List {
			if !strings.HasPrefix(strings.ToLower(at.URL), "http") || strings.Contains(at.URL, "?") {
				t.Errorf("the location %q is none", at.URL)
			}
		}
		if len(l.Unknown) > maxUnknown {
			t.Errorf("%d unknown names", len(l.Unknown))
		}
	})
}

func FuzzReplies(f *testing.F) {
	f.Add(`<ClientRegistrationResponse Status="0" ApprovalStatus="1" SMSID="` + testSMSID + `"/>`)
	f.Add(`<SiteInfoReply><Sites><Site><SiteCode>PS1</SiteCode></Site></Sites></SiteInfoReply>`)
	f.Add(`<MPList><MP Name="MP01"/></MPList>`)
	f.Add(`<MPKEYINFORMATION><MPCERTIFICATE>3082</MPCERTIFICATE></MPKEYINFORMATION>`)
	f.Add(`<ContentLocationRequest><Package ID="PS100015" Version="1"/></ContentLocationRequest>`)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := RequestedContent(text); err == nil && c.Kind != ClientPackage && c.Version < 1 {
			t.Errorf("%q asks for %+v", text, c)
		}
		_, _ = parseMPList([]byte(text))
		_, _ = parseKeyInformation([]byte(text))
		_, _ = parseSiteCertificate([]byte(text))
		root, err := parseXML(text)
		if err != nil {
			return
		}
		if s, err := parseSite(root); err == nil && len(s.Code) != 3 {
			t.Errorf("%q is of the site %q", text, s.Code)
		}
		if r, err := parseRegistration(root); err == nil && r.SMSID != "" && !isGUID(strings.TrimPrefix(r.SMSID, smsidPrefix)) {
			t.Errorf("%q registers %q", text, r.SMSID)
		}
	})
}
