package admin

import (
	"net/http"
	"testing"
	"time"

	"branchpoint/tokenbroker/site"
)

// TestSite: a site that nobody can be asked of is a failure, and a registration that waits is none.
func TestSite(t *testing.T) {
	early, late := time.Unix(1700000000, 0).UTC(), time.Unix(1700000100, 0).UTC()
	way := func(name, state, why string, since time.Time) site.WayStatus {
		return site.WayStatus{Name: name, State: state, LastError: why, Since: since}
	}
	registered := func(state, smsid string) site.RegistrationStatus {
		return site.RegistrationStatus{State: state, SMSID: smsid, Since: early}
	}
	for name, c := range map[string]struct {
		status       site.Status
		checks, note []Check
	}{
		"works": {site.Status{Ways: []site.WayStatus{way("mp", "ok", "", early)}, Registration: registered("registered", "GUID:1")}, nil, nil},
		"untried": {site.Status{Ways: []site.WayStatus{way("mp", "untried", "", time.Time{})},
			Registration: registered("unknown", "GUID:1")}, nil, nil},
		"one of two": {site.Status{Ways: []site.WayStatus{way("mp", "unreachable", "mp: away", early), way("cmg", "ok", "", early)},
			Registration: registered("registered", "GUID:1")}, nil, nil},
		"none": {site.Status{Ways: []site.WayStatus{way("mp", "unreachable", "mp: away", early), way("cmg", "server-error", "cmg: 500", late)},
			Registration: registered("registered", "GUID:1")},
			[]Check{{"site", "the site cannot be asked; mp: away; cmg: 500", late}}, nil},
		"not registered": {site.Status{Ways: []site.WayStatus{way("mp", "not-registered", "mp: who?", early)},
			Registration: registered("not registered", "")}, nil,
			[]Check{{"registration", "this machine is not registered at its site: branchpoint identity register", early}}},
		"waits for an administrator": {site.Status{Ways: []site.WayStatus{way("mp", "pending", "", early)},
			Registration: registered("pending approval", "GUID:1")}, nil,
			[]Check{{"registration", "the registration waits for an administrator, who has to approve GUID:1", early}}},
		"waits for the site": {site.Status{Ways: []site.WayStatus{way("mp", "pending", "", early)},
			Registration: registered("pending registration", "GUID:1")}, nil,
			[]Check{{"registration", "the site has not worked on the registration yet", early}}},
		"blocked": {site.Status{Ways: []site.WayStatus{way("mp", "refused", "mp: no", early)},
			Registration: registered("rejected", "GUID:1")}, nil,
			[]Check{{"registration", "the site refuses the registration, or has blocked GUID:1", early}}},
		"refused although registered": {site.Status{Ways: []site.WayStatus{way("mp", "refused", "mp: no", early)},
			Registration: registered("registered", "GUID:1")}, []Check{{"site", "the site cannot be asked; mp: no", early}}, nil},
		"another site": {site.Status{Ways: []site.WayStatus{way("mp", "other-site", "mp: it is one of XYZ", early)},
			Registration: registered("unknown", "GUID:1")}, []Check{{"site", "the site cannot be asked; mp: it is one of XYZ", early}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			server := s.server(t, func(config *Config) { config.Site = func() site.Status { return c.status } })
			got := decode[Status](t, ask(t, server, "GET", "/api/v1/status", ""), http.StatusOK)
			wantChecks(t, got.Checks, c.checks)
			wantChecks(t, got.Notes, c.note)
			if got.Site == nil || len(got.Site.Ways) != len(c.status.Ways) || got.Site.Registration != c.status.Registration {
				t.Errorf("the site is %+v, want %+v", got.Site, c.status)
			}
			resp := ask(t, server, "GET", "/readyz", "")
			if len(c.checks) > 0 {
				wantChecks(t, wantProblem(t, resp, http.StatusServiceUnavailable).Checks, c.checks)
				return
			}
			wantChecks(t, decode[ready](t, resp, http.StatusOK).Notes, c.note)
		})
	}
}

// TestNoSite: a machine without one says nothing about it.
func TestNoSite(t *testing.T) {
	got := decode[Status](t, ask(t, newStage(t).server(t), "GET", "/api/v1/status", ""), http.StatusOK)
	if got.Site != nil || got.Notes == nil || len(got.Notes) > 0 {
		t.Errorf("a site %+v, notes %+v; want none", got.Site, got.Notes)
	}
}
