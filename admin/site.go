package admin

import (
	"slices"
	"time"

	"branchpoint/tokenbroker/site"
)

// siteStatus is how the site is doing, nil without one.
func (s *Server) siteStatus() *site.Status {
	if s.config.Site == nil {
		return nil
	}
	status := s.config.Site()
	return &status
}

// siteChecks tells that the site cannot be asked by any way: no location and no token is to be had of it.
func (s *Server) siteChecks() []Check {
	status := s.siteStatus()
	if status == nil {
		return nil
	}
	reason, since := "the site cannot be asked", time.Time{}
	for _, w := range status.Ways {
		isRefused := slices.Contains(refusedStates, w.State) && registrationNote(status.Registration) == ""
		if !isRefused && !slices.Contains(failingStates, w.State) {
			return nil
		}
		reason += "; " + w.LastError
		if w.Since.After(since) {
			since = w.Since
		}
	}
	return []Check{{"site", reason, since}}
}

// failingStates are those of a way by which nothing is to be had until somebody has mended it. That a registration waits for an
// administrator, or is still to be made, is a step on the way.
var failingStates = []string{"unreachable", "certificate-required", "login-required", "login-failed", "forbidden", "gateway-refused",
	"redirected", "other-site", "server-error", "strange-answer", "timeout", "token-refused", "failed"}

// refusedStates are those of a way that does not take our word. It is the registration that has to be mended then, or it is in order,
// and the clock or a setting is wrong.
var refusedStates = []string{"refused", "not-registered", "not-approved"}

// notes are what somebody should know although nothing fails: a registration waits for an administrator for days, or the
// certificate of this machine has ended.
func (s *Server) notes() (list []Check) {
	status := s.siteStatus()
	if status == nil {
		return nil
	}
	r := status.Registration
	if reason := registrationNote(r); reason != "" {
		list = append(list, Check{"registration", reason, r.Since})
	}
	if r.Certificate != "" { // which the site, or its gateway, only refuses
		list = append(list, Check{Name: "certificate", Reason: r.Certificate + "; put a new one in its place, and then: branchpoint reload"})
	}
	return list
}

// registrationNote is what there is to do about a registration. Empty: nothing.
func registrationNote(r site.RegistrationStatus) string {
	switch r.State { // the words of site.RegistrationStatus
	case "not registered":
		return "this machine is not registered at its site: branchpoint identity register"
	case "pending approval":
		return "the registration waits for an administrator, who has to approve " + r.SMSID
	case "pending registration":
		return "the site has not worked on the registration yet"
	case "reset":
		return "the site wants the registration anew: branchpoint identity register"
	case "rejected":
		return "the site refuses the registration, or has blocked " + r.SMSID
	}
	return ""
}
