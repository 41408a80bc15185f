package site

import (
	"time"

	"branchpoint/tokenbroker/ccm"
)

// Status is how a site is doing. It holds no secret.
type Status struct {
	// Ways are in the order in which they are tried.
	Ways []WayStatus `json:"ways"`
	// Registration is that of this machine.
	Registration RegistrationStatus `json:"registration"`
	// Contents is how many contents are known with their locations.
	Contents int `json:"contents"`
	// UnknownNames are names in answers that nobody knows, at most 256 of them: elements and attributes by their place, without
	// their values. The settings for a site are completed by them.
	UnknownNames []string `json:"unknown_names,omitempty"`
}

// WayStatus is how one way is doing, as its last question has shown.
type WayStatus struct {
	// Name is that of Way.
	Name string `json:"name"`
	// State is "ok", "untried", "pending" (it works, and the registration waits for the site or its administrator), or what is
	// wrong: "unreachable", "refused" (without a reason: the signature, the clock or the approval), "not-registered",
	// "not-approved", "token-refused", "certificate-required", "login-required", "login-failed", "forbidden", "gateway-refused",
	// "redirected", "other-site", "server-error", "strange-answer", "timeout" or "failed".
	State string `json:"state"`
	// Since is when that state began. Zero: untried.
	Since time.Time `json:"since,omitzero"`
	// RetryAt is until when the way is left alone. Zero: it is not.
	RetryAt time.Time `json:"retry_at,omitzero"`
	// LastError and LastErrorAt tell of the last failure ever. Empty and zero: there was none.
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	// LastSuccess is when there was last an answer. Zero: never.
	LastSuccess time.Time `json:"last_success,omitzero"`
	// TokenError is why the last question for a token brought none. Empty: it brought one, or nobody asked.
	TokenError string `json:"token_error,omitempty"`
	// About is who answers. Nil: nobody was asked.
	About *AboutStatus `json:"about,omitempty"`
}

// RegistrationStatus is how the registration of this machine stands, as far as the site was asked.
type RegistrationStatus struct {
	// State is one of those of ccm.State, "not registered" for a machine without an id, or "unknown" when the site has not said.
	State string `json:"state"`
	// SMSID is the id that the site gave. Empty: none.
	SMSID string `json:"smsid,omitempty"`
	// Certificate is what is wrong with the certificate of this machine: it has ended, or is not good yet. Empty: nothing.
	Certificate string `json:"certificate,omitempty"`
	// Since is when the site said so first. Zero: it has not.
	Since time.Time `json:"since,omitzero"`
	// LastError is why the last question about it had no answer. Empty: it had one, or nobody asked.
	LastError string `json:"last_error,omitempty"`
}

// Status returns how the site is doing. It asks nobody; see Check.
func (s *Site) Status() Status {
	t := s.terms.Load()
	status := Status{Registration: s.registration.status(), Contents: s.atlas.len(), UnknownNames: s.names.all()}
	if err := t.valid(s.now()); err != nil {
		status.Registration.Certificate = err.Error()
	}
	_, pending := s.registration.pending()
	for _, w := range t.ways {
		one := w.circuit.status()
		one.Name, one.TokenError, one.About = w.name, s.purse.complaint(w.name), w.about.Load()
		if k := kind(one.State); pending && (k == "refused" || k == "not-approved") {
			one.State = "pending"
		}
		status.Ways = append(status.Ways, one)
	}
	return status
}

func (c *circuit) status() WayStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	// What is shown has no reading of the monotonic clock: it would be wrong after the machine has slept.
	one := WayStatus{
		State: string(c.now), Since: c.since.Round(0), RetryAt: c.until.Round(0), LastSuccess: c.lastOK.Round(0),
		LastErrorAt: c.at.Round(0),
	}
	if c.now == "" {
		one.State = "untried"
	}
	if c.failed != nil {
		one.LastError = c.failed.text
	}
	return one
}

func (r *registration) status() RegistrationStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := RegistrationStatus{State: string(r.state), SMSID: r.smsid, Since: r.since.Round(0), LastError: r.last}
	switch {
	case r.smsid == "":
		one.State = stateNotRegistered
	case r.state == ccm.State(""):
		one.State = stateUnknown
	}
	return one
}
