package integration

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestScenarioCanaryOffice is TestScenarioCanary on the corporate network: the tokens for distribution points come from the
// management point, in each form that it has for them, and through trouble with both.
func TestScenarioCanaryOffice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		delivery sim.TokenDelivery
		yaml     string
		message  string // that asks for the token
	}{
		"in the answer about the locations, in hex": {sim.TokenDelivery{Encoding: sim.EncodeHex}, "{decode: hex}", "ContentLocationRequest"},
		"by the token manager, encrypted": {sim.TokenDelivery{Form: sim.DeliverByTokenManager, Encoding: sim.EncodeCMS},
			"{delivery: token-manager, decode: cms-enveloped}", "MP_TokenManager"},
		"by the token services, in base64": {sim.TokenDelivery{Form: sim.DeliverByTokenServices, Encoding: sim.EncodeBase64},
			"{delivery: token-services, decode: base64}", "TokenServicesRequest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newOfficeSinger(t, c.delivery, c.yaml)
			s.singAtOffice(t, c.message)
			s.perchKeys(t)
			s.perchTapped(t, "DP1", bearer)
			for _, said := range s.said {
				s.birds.expectClean(t, "what a verb or an earlier program has said", said)
			}
			s.birds.searchAll(t, s.box, s.made())
			s.searchKeys(t)
		})
	}
}

// newOfficeSinger starts a site with taps on the token endpoints of two distribution points, and a workgroup machine of it.
func newOfficeSinger(t *testing.T, delivery sim.TokenDelivery, tokenYAML string) *roamingSinger {
	t.Helper()
	const host = "127.0.0.9"
	tapped := sim.Place{Host: host, HTTPAddr: host + ":0", HTTPSAddr: hidden + ":0"}
	plain := sim.Place{HTTPAddr: "127.0.0.1:0"}
	s := &roamingSinger{roaming: &roaming{keys: t.TempDir()}}
	var err error
	s.site, err = sim.StartSite(sim.SiteConfig{
		Library: sim.NewLibrary(), Places: []sim.Place{tapped, tapped, plain, plain},
		ManagementPoint: &sim.MPPlace{Config: sim.ManagementPointConfig{MPSettings: sim.MPSettings{Delivery: delivery}}},
	})
	must(t, err)
	t.Cleanup(func() { s.site.Close() })
	dps := []*sim.DP{s.site.First, s.site.Second}
	for _, dp := range dps {
		s.taps = append(s.taps, startTap(t, dp.Name(), s.site.CA, host, dp.Address("https")))
	}
	s.box = newBox(t, s.site.CA, dps, fmt.Sprintf(`upstream: {ca_files: ['$DIR/ca.pem'], connect_timeout: 1s, response_timeout: 1s, stall_timeout: 1s, give_up_after: 2s, cool_down: 50ms}
site: {code: PS1, host: PC1, management_point: '%s', dp_token: %s}
identity: {directory: '%s'}
log: {level: debug}
`, s.site.ManagementPoint.URL("http"), tokenYAML, filepath.Join(s.keys, "identity")))
	s.birds.hatch("nothing") // what the search of the admin API sends itself
	s.say("identity", "register", "--config", s.config("branchpoint.yaml"))
	must(t, s.site.ManagementPoint.Approve("PC1"))
	s.start(s.command())
	return s
}

// singAtOffice has clients without a token get contents, through trouble with the management point and the distribution points.
func (s *roamingSinger) singAtOffice(t *testing.T, message string) {
	mp, dp := s.site.ManagementPoint.Faults, s.site.First.Faults
	for _, trouble := range []struct {
		with  string
		at    *sim.Faults
		fault sim.Fault
	}{
		{"an answer that is empty", mp, sim.Fault{Kind: sim.FaultEmpty, Message: message}},
		{"an answer that is broken", mp, sim.Fault{Kind: sim.FaultGarbage, Message: message}},
		{"an answer with a document type", mp, sim.Fault{Kind: sim.FaultDTD, Message: message}},
		{"an answer that is cut", mp, sim.Fault{Kind: sim.FaultShortBody, After: 700, Message: message}},
		{"a distribution point that refuses", dp, sim.Fault{Kind: sim.FaultStatus, Status: 401, Match: "CCMTOKENAUTH_"}},
		{"a distribution point that fails", dp, sim.Fault{Kind: sim.FaultStatus, Status: 500, Match: "CCMTOKENAUTH_"}},
		{"a distribution point that breaks off", dp, sim.Fault{Kind: sim.FaultReset, After: 1000, Match: "CCMTOKENAUTH_"}},
	} {
		in, err := trouble.at.Inject(trouble.fault)
		must(t, err)
		s.restart()
		got := s.download(t)
		t.Logf("trouble with %s: it struck %d times; the client: %v", trouble.with, in.Strikes(), got.Err)
		if in.Strikes() == 0 {
			t.Errorf("trouble with %s did not strike", trouble.with)
		}
		in.Lift()
	}
	s.restart()
	for _, take := range []string{"nothing", "the tokens"} {
		if take == "the tokens" {
			for _, token := range s.tapsSaw("DP1", bearer) {
				s.site.Tokens.Revoke(sim.NewSecret(token))
			}
		}
		expectSmooth(t, "a client, when "+take+" was taken back", s.download(t))
	}
}

// download has a client without a token get a content that is new from the first distribution point.
func (s *roamingSinger) download(t *testing.T) sim.ContentResult {
	t.Helper()
	s.jobs++
	_, err := s.site.Library.Publish(s.made(), sim.FileSpec{Path: "a.cab", Size: 3<<20 + 7})
	must(t, err)
	client, err := sim.NewCCM(sim.CCMConfig{
		BITS:          sim.BITSConfig{ClientConfig: sim.ClientConfig{Library: s.site.Library, Proxy: s.proxy}, RetryDelay: time.Millisecond, MaxRetries: 1},
		ManifestDelay: time.Millisecond, ManifestRounds: 1,
	})
	must(t, err)
	return client.Download(t.Context(), s.site.First.Location(sim.VdirPlain, s.made()))
}
