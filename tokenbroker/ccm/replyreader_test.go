package ccm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

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
