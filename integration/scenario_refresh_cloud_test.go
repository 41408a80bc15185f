package integration

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// livesBriefly is a machine on the internet that is joined to Entra, and whose tokens for cloud distribution points and for the gateway
// live so long. A CCM token says itself when it ends, in whole seconds.
func livesBriefly(t testing.TB, life time.Duration) *roaming {
	t.Helper()
	c := wrapping{sim.EncodeNot, "none, expiry_paths: ['//@Expires']"}.roaming(sim.EntraJoined)
	c.enrolled, c.delivery.CloudLife, c.delivery.ExpiryName = true, life, "Expires"
	r := newRoaming(t, roamingLibrary(t, 64<<10), c)
	must(t, r.site.TokenService.Change(func(s *sim.STSSettings) { s.Life = life }))
	return r
}

// bare gets a content from a cloud distribution point for clients without a token: the box puts its own into their questions.
func (r *roaming) bare(segment string) func(client, n int) error {
	return func(client, n int) error {
		got := r.newJob(r.classic, segment, client, func(c *sim.CloudConfig) { c.BITS.Token = sim.Secret{} }).run(r.t)
		if got.Err == nil && len(got.Troubles) > 0 {
			return errors.Join(got.Troubles...)
		}
		return got.Err
	}
}

// audience is what the token for a cloud distribution point is kept for.
func (c cloudDP) audience(t testing.TB) string {
	u, err := url.Parse(c.service.URL("https"))
	must(t, err)
	return u.Hostname()
}

// TestRefreshAheadByGateway is TestRefreshAhead on the internet: the token for a cloud distribution point comes by the gateway, which
// opens to a CCM token, that CCM_STS gives for one of Entra. Both are replaced in time. It is alone on the machine: a client asks for
// a list and several files, and has to come through twice in the last fifth of a token's life.
func TestRefreshAheadByGateway(t *testing.T) {
	r := livesBriefly(t, 12*time.Second)
	r.fetchAhead("cmg", roamingPackage, 4) // from now on it is known what is there
	s := startStream(t, 2, r.bare(roamingPackage))
	s.expectFlow(soon(), "with the first token")
	for range refreshes {
		s.expectAhead(r.box, r.classic.audience(t), r.site.ManagementPoint.Faults, "ContentLocationRequest")
	}
	s.stop()
	r.expectReplaced()
}

// expectReplaced fails the test unless the token for cloud distribution points and the CCM token were replaced as often as that, no
// request was put twice at the same time, and none showed a token that had ended.
func (r *roaming) expectReplaced() {
	t, tally, now := r.t, r.site.ManagementPoint.Tally, r.asked()
	t.Helper()
	t.Logf("%d lists with a good token; the site was asked %+v, and after the registration %+v", r.classic.tokens.Used(), now, r.registered)
	if now.located != 1+refreshes || now.tokens != now.located*len(r.clouds()) {
		t.Errorf("the site was asked %d times where a content is, and gave %d tokens for %d cloud distribution points; want %d for each of them",
			now.located, now.tokens, len(r.clouds()), 1+refreshes)
	}
	if n := now.exchanged - r.registered.exchanged; n != 1+refreshes || now.entra-r.registered.entra != 1 {
		t.Errorf("%d exchanges for CCM tokens with %d tokens of Entra, want %d, one for each question, with one: half of its life is over each time",
			n, now.entra-r.registered.entra, 1+refreshes)
	}
	if located, exchanges := tally.AtOnce(sim.MPRequest{Request: "ContentLocationRequest"}), r.site.TokenService.AtOnce(); located != 1 || exchanges != 1 {
		t.Errorf("%d questions for locations and %d exchanges were under way at once", located, exchanges)
	}
	if dp, ccm := r.classic.tokens.Refused(), r.site.CCMTokens.Refused(); dp+ccm > 0 {
		t.Errorf("%d requests to the distribution point and %d to the gateway showed a token that was not good any more", dp, ccm)
	}
}
