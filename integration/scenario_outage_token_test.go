package integration

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
	"branchpoint/tokenbroker"
)

// TestOutageTokenEnds: the token for the distribution points ends while the management point is down; see tokenEnds. TestOutage has the
// same with a silent one.
func TestOutageTokenEnds(t *testing.T) {
	t.Parallel()
	tokenEnds(t, func(mp *sim.ManagementPoint) error { mp.Kill(); return nil }, 0)
}

// mute makes a management point silent.
func mute(mp *sim.ManagementPoint) error {
	_, err := mp.Faults.Inject(sim.Fault{Kind: sim.FaultSilence})
	return err
}

// tokenEnds has the token for the distribution points end while the management point is down. A client gets what is cached and, for the
// rest, the error of the distribution point, when there was no answer for so long. One that has a token of its own gets everything.
func tokenEnds(t *testing.T, down func(*sim.ManagementPoint) error, wait time.Duration) {
	form := byTokenManager(sim.EncodeNot)
	form.Life, form.ExpiryName = 3*time.Second, "Expires"
	s := &struck{way: "mp"}
	s.office = newOffice(t, outageLibrary(t), officeConfig{kind: sim.Workgroup, form: form})
	s.box = s.office.box
	expectSmooth(t, "with the token", agent(s.office)(roamingUpdate))
	must(t, down(s.office.site.ManagementPoint))
	s.since = time.Now()
	eventually(t, 5*time.Second, "the token has ended", func() bool { return time.Now().After(s.token().Expires) })
	s.expectTrueError(wait)
	s.office.expectKept([]string{roamingUpdate})
	s.expectOwnToken()
}

// token is that for the distribution points of the site.
func (s *struck) token() (t tokenbroker.TokenStatus) {
	s.t.Helper()
	_, text := s.get("/api/v1/tokens")
	var list struct{ Tokens []tokenbroker.TokenStatus }
	must(s.t, json.Unmarshal([]byte(text), &list))
	if len(list.Tokens) != 1 {
		s.t.Fatalf("tokens: %s", text)
	}
	return list.Tokens[0]
}

// expectTrueError fails the test unless clients without a token are told in time that they may not have a content, and the admin API
// says why and since when.
func (s *struck) expectTrueError(wait time.Duration) {
	s.t.Helper()
	began := time.Now()
	r := agent(s.office)(app + ".1")
	took := time.Since(began)
	if r.Err == nil || !strings.Contains(r.Err.Error(), "401") || r.Bytes() > 0 || took > wait+soon() || took < wait {
		s.t.Errorf("the token has ended, and a client got %d bytes within %v: %v", r.Bytes(), took, r.Err)
	}
	now := s.state()
	w := now.way
	if w.State != "unreachable" || w.Since.Before(s.since) || w.Since.After(now.asked) || w.LastSuccess.After(s.since) || w.LastSuccess.IsZero() {
		s.t.Errorf("down since %v: the box says at %v: %+v", s.since, now.asked, w)
	}
	if known := s.token(); known.LastError == "" {
		s.t.Errorf("the token has ended: %+v", known)
	}
}

// expectOwnToken fails the test unless a client gets a content with its own token.
func (s *struck) expectOwnToken() {
	s.t.Helper()
	config := s.office.client()
	config.Token = s.office.tokens.Issue(time.Hour)
	began := time.Now()
	client, err := sim.NewTaskSequence(config)
	must(s.t, err)
	expectSmooth(s.t, "with a token of its own", client.Download(s.t.Context(), s.office.locations(app+".1")...))
	s.expectQuick("with a token of its own", began)
}
