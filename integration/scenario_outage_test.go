package integration

import (
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
	"branchpoint/proxy/precache"
)

// outage is something of a site that is down, and what the box has to say of it.
type outage struct {
	name string
	// at makes the machine that it strikes.
	at func(*guest) *struck
	// strike brings it about, and mend ends it.
	strike, mend func(*struck)
	// state is the word for the way to the site, and says is in the reason.
	state, says string
	// notReady is whether the box says that it is not.
	notReady bool
	// held says that the tokens of the box go on opening the site. It finds out when it has none any more: after a restart.
	held bool
	// interrupts says that a job is under way when the outage comes.
	interrupts bool
	// slow says that it takes as long as an answer may take to find out.
	slow bool
}

// outages is the table. Silence comes first: it takes longest.
func outages() []outage {
	mp := func(s *struck) *sim.Faults { return s.site().ManagementPoint.Faults }
	sts := func(s *struck) *sim.Faults { return s.site().TokenService.Faults }
	fault := func(at func(*struck) *sim.Faults, f sim.Fault) (strike, mend func(*struck)) {
		return func(s *struck) { _, err := at(s).Inject(f); must(s.t, err) }, func(s *struck) { at(s).Clear() }
	}
	row := func(o outage, strike, mend func(*struck)) outage { o.strike, o.mend = strike, mend; return o }
	with := func(o outage, at func(*struck) *sim.Faults, f sim.Fault) outage {
		strike, mend := fault(at, f)
		return row(o, strike, mend)
	}
	return []outage{
		with(outage{name: "MP silent", at: atOffice, state: "unreachable", says: "it took too long", notReady: true, slow: true},
			mp, sim.Fault{Kind: sim.FaultSilence}),
		row(outage{name: "MP killed", at: atOffice, state: "unreachable", says: "connection refused", notReady: true, interrupts: true},
			func(s *struck) { s.fell(s.site().ManagementPoint) }, func(s *struck) { s.revive() }),
		with(outage{name: "MP 500", at: atOffice, state: "server-error", says: "HTTP 500", notReady: true},
			mp, sim.Fault{Kind: sim.FaultStatus, Status: 500}),
		with(outage{name: "MP empty 200", at: atOffice, state: "refused", says: "empty answer", notReady: true}, mp, sim.Fault{Kind: sim.FaultEmpty}),
		row(outage{name: "CMG killed", at: onRoad, state: "unreachable", says: "connection refused", notReady: true},
			func(s *struck) { s.fell(s.site().Gateway) }, func(s *struck) { s.revive() }),
		row(outage{name: "CMG does not know us", at: onRoad, state: "token-refused", says: "CMGService_Invalid_Token", notReady: true},
			func(s *struck) { s.site().Gateway.SetStranger(true) }, func(s *struck) { s.site().Gateway.SetStranger(false) }),
		row(outage{name: "MP behind the CMG killed", at: onRoad, state: "server-error", says: "HTTP 500", notReady: true},
			func(s *struck) { s.fell(s.site().ManagementPoint) }, func(s *struck) { s.revive() }),
		with(outage{name: "STS killed", at: onRoad, state: "server-error", says: "exchange a token at CCM_STS", notReady: true, held: true},
			sts, sim.Fault{Kind: sim.FaultReset}),
		with(outage{name: "STS 403", at: onRoad, state: "forbidden", says: "HTTP 403", notReady: true, held: true},
			sts, sim.Fault{Kind: sim.FaultStatus, Status: 403}),
		row(outage{name: "Entra killed", at: onRoad, state: "unreachable", says: "Microsoft Entra", notReady: true, held: true},
			func(s *struck) { s.fell(s.site().Entra) }, func(s *struck) { s.revive() }),
		row(outage{name: "all together", at: onRoad, state: "unreachable", says: "connection refused", notReady: true},
			func(s *struck) { s.fell(s.site().Gateway, s.site().ManagementPoint, s.site().Entra) },
			func(s *struck) { s.revive() }),
	}
}

// TestOutage strikes a site with each outage. What is cached is served, and what can be had with the tokens at hand is fetched without a
// question; a job that needs the site says why it fails; status, health and the admin API say what is wrong and since when. It is
// the same for a box that loses power meanwhile. When the outage ends, the box finds out by itself.
//
// The box leaves a way alone for half a minute that has failed, and waits 20 s for a silent one. That the row of the silent one and
// the ends of outages take so long is the product's own pace: they are for runs with the race detector, as in CI, and full ones.
func TestOutage(t *testing.T) {
	t.Parallel()
	down := map[string]*struck{} // by the outage, as far as that went well
	at := map[string]*guest{}
	rows := outages()
	for _, o := range rows {
		at[o.name] = &guest{host: t}
		down[o.name] = &struck{}
	}
	t.Run("down", func(t *testing.T) {
		for _, o := range rows {
			if o.slow && !patient() {
				continue
			}
			t.Run(o.name, func(t *testing.T) {
				if !o.slow { // which is to begin soon
					t.Parallel()
				}
				g := at[o.name]
				defer g.enter(t)()
				s := o.at(g)
				o.down(s)
				*down[o.name] = *s
			})
		}
	})
	if !patient() {
		return
	}
	t.Run("again", func(t *testing.T) {
		// The pauses end meanwhile: the others wait for this one.
		t.Run("a token ends", func(t *testing.T) { tokenEnds(t, mute, 20*time.Second) })
		for _, o := range rows {
			if down[o.name].box == nil {
				continue // it has failed, and said so
			}
			t.Run(o.name, func(t *testing.T) {
				t.Parallel()
				defer at[o.name].enter(t)()
				o.over(down[o.name])
			})
		}
	})
}

// patient tells whether this run takes the time that the program takes.
func patient() bool { return raceEnabled || full() }

// guest is a test to which things belong that outlive it: the host's end is theirs.
type guest struct {
	testing.TB
	host *testing.T
}

// enter makes t the test that is told of failures, until what it returns is called.
func (g *guest) enter(t testing.TB) (leave func()) {
	g.TB = t
	return func() { g.TB = g.host }
}

func (g *guest) Cleanup(end func()) { g.host.Cleanup(end) }
func (g *guest) TempDir() string    { return g.host.TempDir() }

// soon is how long anything may take that does not wait for an answer.
func soon() time.Duration {
	if raceEnabled {
		return 20 * time.Second
	}
	return 10 * time.Second
}

// down has the outage come, and looks at everything twice: as it comes, and after a power cut in the middle of it. A job that waits
// for its end sees it at once, since each of its tries makes the pause of the way longer.
func (o outage) down(s *struck) {
	s.t.Helper()
	s.expectAllWell(s.began)
	if o.interrupts {
		s.stall()
	}
	s.since = time.Now()
	o.strike(s)
	s.expectServed()
	switch {
	case o.slow:
		s.fetchAside(roamingImage)
		return // see over
	case o.held:
		s.expectJob("with the token at hand", "done", "")
		s.have = append(s.have, roamingImage)
		s.expectWell(s.since)
	default:
		o.expectTrouble(s)
	}
	s.restart()
	s.expectServedAnew()
	o.expectTrouble(s)
	if o.interrupts {
		if j := s.job(outageSpare); j.State != precache.StateLocating || !j.Resumed {
			s.t.Errorf("a job that the power cut has interrupted, and that waits for the site: %+v", j)
		}
		s.mended = time.Now()
		o.mend(s)
	}
}

// over has the outage end. Nobody tells the box: it finds out when it is asked for something of the site, or by itself when a job
// waits for that, which tries every quarter of a minute.
func (o outage) over(s *struck) {
	s.t.Helper()
	if o.slow { // it is not asked anew, which would make the pause longer
		eventually(s.t, soon()+20*time.Second, "the job has ended", func() bool { return s.job(roamingImage).State.Ended() })
		if j := s.job(roamingImage); j.State != precache.StateFailed || !strings.Contains(j.Reason, o.says) {
			s.t.Errorf("a job while the site is silent: %+v", j)
		}
		now := s.all()
		o.expectSaid(s, now)
		o.expectVerbs(s, now)
	}
	if o.interrupts {
		eventually(s.t, time.Minute, "the job that was interrupted is done", func() bool { return s.job(outageSpare).State == precache.StateDone })
	} else {
		s.mended = time.Now()
		o.mend(s)
		eventually(s.t, 40*time.Second, "the pause of the way ends", func() bool { return time.Now().After(s.status().RetryAt) })
	}
	s.expectJob("after the outage", "done", "")
	s.expectAllWell(s.mended)
	if w := s.status(); w.Since.Before(s.mended) || w.LastErrorAt.Before(s.since) || w.LastErrorAt.After(s.mended) {
		s.t.Errorf("it is mended since %v, and the box says: %+v", s.mended, w)
	}
	if s.office != nil {
		expectSmooth(s.t, "a client without a token, after the outage", agent(s.office)(outageSpare))
	}
	s.stop()
}
