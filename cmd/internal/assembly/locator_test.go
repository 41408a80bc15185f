package assembly

import (
	"testing"

	"branchpoint/proxy/content"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker/ccm"
)

func termsOf(t *testing.T, text string) *locatorTerms {
	t.Helper()
	l := &locator{}
	l.heed(parse(t, text))
	return l.terms.Load()
}

// TestPlaces: what a site says of a content becomes distribution points, each once, in its order.
func TestPlaces(t *testing.T) {
	const text = "distribution_points: [{url: 'http://dp9.example.org', audience: nine}]\nmanagement_points: ['http://mp1.example.org']"
	token := func(url string) ccm.Location { return ccm.Location{URL: url, Access: ccm.AccessToken} }
	open := func(url string) ccm.Location { return ccm.Location{URL: url, Access: ccm.AccessOpen} }
	for name, c := range map[string]struct {
		text string
		said []ccm.Location
		want []upstream.Location
	}{
		"both ways into one": {text, []ccm.Location{token("https://dp1.example.org/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015"),
			open("http://dp1.example.org/SMS_DP_SMSPKG$/PS100015")},
			[]upstream.Location{{Base: "http://dp1.example.org", TokenBase: "https://dp1.example.org", Hierarchy: "default", Audience: "default"}}},
		"token alone": {text, []ccm.Location{token("https://dp1.example.org:8443/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015")},
			[]upstream.Location{{Base: "https://dp1.example.org:8443", TokenBase: "https://dp1.example.org:8443", Hierarchy: "default",
				Audience: "default"}}},
		"the order of the site": {text, []ccm.Location{open("http://b.example.org/SMS_DP_SMSPKG$/PS100015"),
			open("http://a.example.org/NOCERT_SMS_DP_SMSPKG$/PS100015")},
			[]upstream.Location{{Base: "http://b.example.org", Hierarchy: "default"}, {Base: "http://a.example.org", Hierarchy: "default"}}},
		"the audience of the configuration": {text, []ccm.Location{token("https://dp9.example.org/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015")},
			[]upstream.Location{{Base: "https://dp9.example.org", TokenBase: "https://dp9.example.org", Hierarchy: "default", Audience: "nine"}}},
		"over http, somebody's host gets no token": {text, []ccm.Location{token("https://dp1.example.net/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015")},
			[]upstream.Location{{Base: "https://dp1.example.net", Hierarchy: "default"}}},
		"over https it does": {"management_points: ['https://mp1.example.org']",
			[]ccm.Location{token("https://dp1.example.net/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015")},
			[]upstream.Location{{Base: "https://dp1.example.net", TokenBase: "https://dp1.example.net", Hierarchy: "default", Audience: "default",
				Secure: true}}},
		"no token over http": {text, []ccm.Location{token("http://dp1.example.org/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015")},
			[]upstream.Location{{Base: "http://dp1.example.org", Hierarchy: "default"}}},
		"clouds, certificates and nonsense are none": {text, []ccm.Location{
			{URL: "https://cmg.example.org/downloadrestservice.svc/getcontentxmlsecure", Cloud: true},
			{URL: "https://dp1.example.org/SMS_DP_SMSPKG$/PS100015", Access: ccm.AccessCertificate},
			open("http://dp1.example.org/elsewhere"), open("http://[dp1/SMS_DP_SMSPKG$/PS100015")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := termsOf(t, c.text).places(c.said)
			if len(got) != len(c.want) {
				t.Fatalf("got %+v, want %+v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("place %d: got %+v, want %+v", i, got[i], c.want[i])
				}
			}
		})
	}
}

// TestSameDomain: whom a management point in plain HTTP may name for our token.
func TestSameDomain(t *testing.T) {
	for _, c := range []struct {
		mp, host string
		want     bool
	}{
		{"mp1.example.org", "dp1.example.org", true},
		{"mp1.example.org", "DP1.emea.Example.org", true},
		{"mp1.example.org", "mp1.example.org", true},
		{"mp1", "mp1", true},
		{"127.0.0.1", "127.0.0.1", true},
		{"mp1.example.org", "dp1.example.net", false},
		{"mp1.example.org", "dp1.evilexample.org", false},
		{"mp1.example.org", "example.org", false},
		{"mp1.local", "dp1.local", false}, // anybody may be in a domain of one label
		{"mp1.org", "dp1.org", false},
		{"mp1", "dp1", false},
		{"10.1.0.5", "10.2.1.0.5", false},
		{"", "dp1", false},
		{"mp1.example.co.uk", "dp1.example.co.uk", true},
		{"mp1.co.uk", "dp1.co.uk", false}, // nor in one that is everybody's
		{"mp1.westeurope.cloudapp.azure.com", "evil.westeurope.cloudapp.azure.com", false},
		{"mp1.corp.example.org", "dp1.corp.example.org", true},
		{"mp1.corp.example.org", "dp1.example.org", false},
		{"mp1.example.org", "cloud.example.net", true}, // the configuration names it
		{"mp1.example.org", "gateway.example.com", true},
		{"mp1.example.org", "any.storage.example.net", false},
		{"mp1.example.org", "", false},
	} {
		on := trust{points: []string{c.mp}, named: []string{"cloud.example.net", "*.storage.example.net", "gateway.example.com"}}
		if got := on.host(c.host); got != c.want {
			t.Errorf("%s names %s: %v, want %v", c.mp, c.host, got, c.want)
		}
	}
}

// TestAbout: the site is asked about contents of its own hierarchy, and of hosts that nobody has configured.
func TestAbout(t *testing.T) {
	terms := termsOf(t, "hierarchy: contoso")
	for _, c := range []struct {
		id   content.ID
		want ccm.Content
		ok   bool
	}{
		{content.ID{Hierarchy: "contoso", Content: "ps100015"}, ccm.Content{Kind: ccm.Package, ID: "PS100015"}, true},
		{content.ID{Hierarchy: "host:http:dp1:80", Content: "ps100015.3"}, ccm.Content{Kind: ccm.Package, ID: "PS100015", Version: 3}, true},
		{content.ID{Hierarchy: "other", Content: "ps100015"}, ccm.Content{}, false},
		{content.ID{Hierarchy: "contoso", Content: "no id"}, ccm.Content{}, false},
	} {
		if got, ok := terms.about(c.id); ok != c.ok || got != c.want {
			t.Errorf("%+v is asked about as %+v, %v; want %+v, %v", c.id, got, ok, c.want, c.ok)
		}
	}
}
