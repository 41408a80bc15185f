package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// question is a content location request; attributes are those of ClientLocationInfo that differ from what a client of 2021
// logged.
func question(content string, attributes ...string) string {
	kind := "SMSPackage"
	if strings.HasPrefix(content, "UID:") {
		kind = "SMSUpdate"
	}
	info := map[string]string{"LocationType": kind, "UseAzure": "1", "AllowHTTP": "1", "AllowSuperPeer": "1", "DPTokenAuth": "1"}
	for i := 0; i < len(attributes); i += 2 {
		info[attributes[i]] = attributes[i+1]
	}
	pkg := `<Package ID="` + content + `" Version="1" DeploymentFlags="4352"/>`
	if content == "" {
		pkg = `<ClientPackage RequestForLatest="0" DeploymentFlags="4098"/>`
	}
	text := ""
	for _, name := range []string{"LocationType", "UseAzure", "AllowHTTP", "AllowSuperPeer", "DPTokenAuth"} {
		text += " " + name + `="` + info[name] + `"`
	}
	return `<ContentLocationRequest SchemaVersion="1.00" BGRVersion="1">` + pkg + `<AssignedSite SiteCode="PS1"/><ClientLocationInfo DistributeOnDemand="0"` + text +
		`><ADSite Name="Default-First-Site-Name"/><Forest Name="example.org"/><Domain Name="example.org"/><IPAddresses>` +
		`<IPAddress SubnetAddress="192.0.2.0" Address="192.0.2.10"/></IPAddresses></ClientLocationInfo></ContentLocationRequest>`
}

// located is a location record as a client reads it.
type located struct {
	urls                           []string
	ssl, auth, server, kind, where string
	token                          string
}

// ask locates a content, and reads the answer. It is nil when the question is refused.
func (c *caller) ask(body string, signed bool) (*xmlNode, []located) {
	c.t.Helper()
	got := c.post(post{endpoint: "MP_LocationManager", body: body, signed: signed})
	if got.refusedSilently() {
		return nil, nil
	}
	root, err := readXML(got.body)
	if err != nil || root.name != "ContentLocationReply" {
		c.t.Fatalf("%d %q: %v", got.status, got.body, err)
	}
	var list []located
	for _, site := range root.at("Sites").children {
		for _, r := range site.at("LocationRecords").children {
			l := located{server: r.value("ServerRemoteName"), kind: r.value("DPType"), where: r.value("Locality"), token: r.value("DPToken")}
			for _, n := range r.children {
				if n.name == "URL" {
					l.urls = append(l.urls, n.attr("Name"))
				}
			}
			for _, p := range r.at("Capabilities").children {
				switch p.attr("Name") {
				case "SSLState":
					l.ssl = p.attr("Value")
				case "AuthMethod":
					l.auth = p.attr("Value")
				}
			}
			list = append(list, l)
		}
	}
	return root, list
}

// urlsOf lists all URLs, with the addresses of servers as names, and without what follows a content's name.
func (m *testMP) urlsOf(list []located) (urls []string) {
	names := strings.NewReplacer(m.first.URL("https"), "first+tls", m.first.URL("http"), "first", m.second.URL("http"), "second",
		m.cloud.URL("https"), "cloud")
	for _, l := range list {
		for _, u := range l.urls {
			u, _, _ = strings.Cut(names.Replace(u), "?")
			urls = append(urls, u)
		}
	}
	return urls
}

// TestLocations: which content, by which name, is where, and for whom.
func TestLocations(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.approvedCaller("PC1")
	everywhere := func(segment string) []string {
		return []string{"first+tls/CCMTOKENAUTH_SMS_DP_SMSPKG$/" + segment, "first/SMS_DP_SMSPKG$/" + segment, "second/SMS_DP_SMSPKG$/" + segment,
			"cloud/downloadrestservice.svc/getcontentxmlsecure", "https://pc7:8003/SCCM_BranchCache$/" + segment}
	}
	pick := func(list []string, indexes ...int) (picked []string) {
		for _, i := range indexes {
			picked = append(picked, list[i])
		}
		return picked
	}
	all := everywhere(testPackage)
	for name, tt := range map[string]struct {
		body string
		want []string
	}{
		"package":             {question(testPackage), all},
		"package in lower":    {question("ps100015"), all},
		"application":         {question(testApp), everywhere(testApp + ".1")},
		"update":              {question("UID:" + testUpdate), everywhere(testUpdate)},
		"no tokens":           {question(testPackage, "DPTokenAuth", "0"), pick(all, 1, 2, 3, 4)},
		"no cloud":            {question(testPackage, "UseAzure", "0"), pick(all, 0, 1, 2, 4)},
		"no peers":            {question(testPackage, "AllowSuperPeer", "0"), pick(all, 0, 1, 2, 3)},
		"no http":             {question(testPackage, "AllowHTTP", "0"), pick(all, 3, 4)},
		"type in capitals":    {question(testPackage, "LocationType", "SMSPACKAGE"), all},
		"other type":          {question(testPackage, "LocationType", "SMSUpdate"), nil},
		"update as a package": {question("UID:"+testUpdate, "LocationType", "SMSPackage"), nil},
		"update without UID":  {question(testUpdate), nil},
		"not there":           {question("PS1FFFFF"), nil},
		"version not there":   {strings.Replace(question(testPackage), ` Version="1"`, ` Version="2"`, 1), nil},
		"of another site":     {strings.Replace(question(testPackage), `SiteCode="PS1"`, `SiteCode="XYZ"`, 1), nil},
		"no client package":   {question(""), nil},
	} {
		root, list := c.ask(tt.body, true)
		if got := m.urlsOf(list); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if root == nil || (root.at("Sites", "Site", "MPSite").attr("SiteLocality") == "FALLBACK") != (tt.want == nil) {
			t.Errorf("%s: %v", name, root)
		}
	}
	for name, body := range map[string]string{
		"no content":  strings.Replace(question(testPackage), "<Package", "<Parcel", 1),
		"no version":  strings.Replace(question(testPackage), ` Version="1"`, "", 1),
		"no location": strings.ReplaceAll(question(testPackage), "ClientLocationInfo", "Info"),
	} {
		if root, _ := c.ask(body, true); root != nil {
			t.Errorf("%s: %v", name, root)
		}
	}
	c.ask(question(testPackage), true)
	entries := m.Messages.Entries()
	if e := entries[len(entries)-1]; e.Machine != "PC1" || e.Request != "ContentLocationRequest" || e.Content != testPackage {
		t.Errorf("logged as %+v", e)
	}
}

// TestLocationRecords: what the records say.
func TestLocationRecords(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.approvedCaller("PC1")
	root, list := c.ask(question(testPackage), true)
	if len(list) != 5 {
		t.Fatalf("%v", list)
	}
	for i, want := range []located{
		{ssl: "0", auth: "1024", server: "127.0.0.1", kind: "SERVER", where: "SUBNET"},
		{ssl: "0", server: "127.0.0.1", kind: "SERVER", where: "SUBNET"},
		{ssl: "0", server: "127.0.0.1", kind: "SERVER", where: "SUBNET"},
		{ssl: "0", server: "localhost", kind: "CLOUD", where: "LOCAL", token: "some"},
		{ssl: "63", server: "pc7", kind: "SERVER", where: "SUBNETPEER"},
	} {
		got := list[i]
		if (got.token != "") != (want.token != "") {
			t.Errorf("record %d has the token %q", i, got.token)
		}
		got.urls, got.token, want.token = nil, "", ""
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("record %d is %v, want %v", i, got, want)
		}
	}
	signature := root.at("Sites", "Site", "LocationRecords", "LocationRecord", "URL").attr("Signature")
	if resp, _ := mustRequest(t, newHTTPClient(t, m.ca), "GET", m.first.URL("https"), strings.TrimPrefix(signature, m.first.URL("https"))); resp.StatusCode != 401 ||
		!strings.HasSuffix(signature, "/CCMTOKENAUTH_SMS_DP_SMSSIG$/"+testPackage+".1.tar") {
		t.Errorf("the signature is at %s, which answers %d to who has no token", signature, resp.StatusCode)
	}
	if hash := root.at("ContentInfo", "ContentHashValues", "Hash").attr("HashString"); len(hash) != 64 || hash != root.attr("Hash") {
		t.Errorf("the hash is %q and %q", hash, root.attr("Hash"))
	}
}

// TestSources: the order and the form of what a reply names is as the site is set.
func TestSources(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.approvedCaller("PC1")
	if err := m.first.SetAccess(VdirNoCert, AccessCertificate); err != nil {
		t.Fatal(err)
	}
	m.second.Hold(testPackage, 0)
	m.change(func(s *MPSettings) {
		s.ClientPackage = testPackage
		s.Sources = []Source{
			{Peer: "pc8", SiteLocality: "REMOTE", Always: true},
			{Cloud: m.cloud, Always: true, Locality: "FUTURE", Type: "CMG"},
			{DP: m.second},
			{DP: m.first, Directories: []Vdir{VdirPlain, VdirToken, VdirNoCert}, Site: "XYZ"},
		}
		s.Strange = true
	})
	root, list := c.ask(question("", "UseAzure", "0", "AllowSuperPeer", "0"), true)
	want := []string{"https://pc8:8003/SCCM_BranchCache$/" + testPackage, "cloud/downloadrestservice.svc/getcontentxmlsecure",
		"first/SMS_DP_SMSPKG$/" + testPackage, "first+tls/CCMTOKENAUTH_SMS_DP_SMSPKG$/" + testPackage, "first+tls/NOCERT_SMS_DP_SMSPKG$/" + testPackage}
	if got := m.urlsOf(list); !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	if list[1].where != "FUTURE" || list[1].kind != "CMG" || list[4].ssl != "63" {
		t.Errorf("records %+v", list)
	}
	var sites []string
	for _, s := range root.at("Sites").children {
		sites = append(sites, s.at("MPSite").attr("SiteCode")+" "+s.at("MPSite").attr("SiteLocality"))
	}
	if !slices.Equal(sites, []string{"PS1 REMOTE", "PS1 LOCAL", "XYZ LOCAL"}) {
		t.Errorf("sites %q", sites)
	}
	if root.at("FutureElement") == nil || root.attr("FutureAttribute") == "" || root.at("Sites", "Site", "LocationRecords", "LocationRecord", "FutureElement") == nil {
		t.Error("nothing in the reply is unknown")
	}
	if p := root.at("ClientPackage"); p.attr("FullPackageID") != testPackage || p.attr("FullPackageVersion") != "1" {
		t.Errorf("the client package is %v", p)
	}
	if err := m.first.SetAccess(VdirNoCert, AccessAnonymous); err != nil {
		t.Fatal(err)
	}
	m.change(func(s *MPSettings) { s.Sources = []Source{{DP: m.first, Together: true}} })
	if _, list = c.ask(question(testPackage), true); len(list) != 2 || len(list[1].urls) != 2 || list[0].auth != "1024" {
		t.Errorf("together: %+v", list)
	}
}
