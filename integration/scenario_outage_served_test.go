package integration

import (
	"net/url"
	"strings"
	"time"

	"branchpoint/integration/sim"
	"branchpoint/proxy/precache"
)

// expectServed fails the test unless clients get what is cached, and the rest with the tokens at hand; the site is not asked for it.
func (s *struck) expectServed() {
	s.t.Helper()
	began := time.Now()
	if s.office != nil {
		s.office.expectServed()
	} else {
		s.road.expectServed(s)
	}
	s.expectQuick("with the tokens at hand", began)
}

// expectServedAnew is expectServed after a power cut, when no token of the box is at hand.
func (s *struck) expectServedAnew() {
	s.t.Helper()
	began := time.Now()
	if s.office != nil {
		s.office.expectServedAnew()
	} else {
		s.road.expectServedAnew()
	}
	s.expectQuick("after a power cut", began)
}

func (s *struck) expectQuick(when string, began time.Time) {
	s.t.Helper()
	if took := time.Since(began); took > soon() {
		s.t.Errorf("%s clients were served within %v", when, took)
	}
}

func (o *office) expectServed() {
	o.t.Helper()
	asked, sent := o.asked(), o.site.Counters.Bytes()
	o.jobs([]string{roamingPackage})
	o.expectSent("a package that is cached", sent, false)
	expectSmooth(o.t, "an update, with the token at hand", agent(o)(roamingUpdate))
	o.expectSent("an update", sent, true)
	sent = o.site.Counters.Bytes()
	o.fetchAhead(o.dps[0].URL("http"), app+".1", 4)
	o.expectSent("an application beforehand", sent, true)
	if now := o.asked(); now != asked {
		o.t.Errorf("the site was asked %+v, and before %+v", now, asked)
	}
}

// expectKept has BITS download what is cached of contents.
func (o *office) expectKept(segments []string) {
	o.t.Helper()
	client, err := sim.NewBITS(sim.BITSConfig{ClientConfig: o.client(), MaxRetries: 1, RetryDelay: 1})
	must(o.t, err)
	for _, segment := range segments {
		for _, f := range filesOf(o.t, o.site.Library, []string{segment}) {
			r := client.Download(o.t.Context(), bitsURL(o.dps[0], segment, (&url.URL{Path: f.Path}).EscapedPath()))
			if r.Err != nil || r.Retries > 0 {
				o.t.Errorf("%s of %s, which is cached: %v; troubles: %v", f.Path, segment, r.Err, r.Troubles)
			}
		}
	}
}

// expectServedAnew fails the test unless what is on disk is served, that of a bare package ID too, and what is not is refused.
func (o *office) expectServedAnew() {
	o.t.Helper()
	sent := o.site.Counters.Bytes()
	o.expectKept(outageContents())
	if r := agent(o)(outageSpare); r.Err == nil || !strings.Contains(r.Err.Error(), "401") {
		o.t.Errorf("there is no token, and a client got %v", r.Err)
	}
	o.expectSent("what is cached, and what nobody may have", sent, false)
}

// expectSent fails the test unless distribution points have, or have not, sent anything since.
func (o *office) expectSent(what string, before int64, any bool) {
	o.t.Helper()
	if more := o.site.Counters.Bytes() - before; (more > 0) != any {
		o.t.Errorf("%s: %d bytes were sent", what, more)
	}
}

func (r *roaming) expectServed(s *struck) {
	r.t.Helper()
	asked := r.asked()
	r.sent()
	expectSmooth(r.t, "a package that is cached", r.newJob(r.classic, roamingPackage, 2, nil).run(r.t))
	if sent := r.sent(); len(sent) > 0 {
		r.t.Errorf("a package was cached, and these were sent: %v", sent)
	}
	expectSmooth(r.t, "an update, with the client's token", r.newJob(r.classic, roamingUpdate, 3, nil).run(r.t))
	if sent := r.sent(); sent[r.classic.name] == 0 {
		r.t.Errorf("an update came from %v", sent)
	}
	if j, _ := s.fetch(app+".1", "cmg"); j.State != precache.StateDone || j.Counts.Fetched != 4 {
		r.t.Errorf("an application whose locations and tokens are at hand: %+v", j)
	}
	if now := r.asked(); now != asked {
		r.t.Errorf("the site was asked %+v, and before %+v", now, asked)
	}
}

func (r *roaming) expectServedAnew() {
	r.t.Helper()
	r.sent()
	for n, segment := range outageContents() {
		expectSmooth(r.t, segment+", which is cached", r.newJob(r.classic, segment, 4+n, nil).run(r.t))
	}
	if sent := r.sent(); len(sent) > 0 {
		r.t.Errorf("all was cached, and these were sent: %v", sent)
	}
	spare := r.newJob(r.classic, outageSpare, 9, nil)
	expectSmooth(r.t, "a package, with the client's token", spare.run(r.t))
	if sent := r.sent(); sent[r.classic.name] == 0 {
		r.t.Errorf("a package came from %v", sent)
	}
}
