package integration

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestLoad: 1,000 clients get 20 contents that nobody has had before from 4 distribution points, which open to a token only. One lives
// 5 seconds, and the lines are so slow that the contents take longer than three of them. No client notices anything, and the management
// point is asked for one token in the life of one. In a short run there are fewer clients, and tokens end sooner.
func TestLoad(t *testing.T) {
	if !full() {
		t.Parallel()
	}
	life := 5 * time.Second
	if !patient() {
		life = 3 * time.Second
	}
	const lives = 3.4
	l := newLoad(t, life, time.Duration(lives*float64(life)))
	began := time.Now()
	l.everybody()
	took := time.Since(began)
	l.expectLong(began)
	l.expectTokens(took)
	l.expectBytes()
}

// TestLoadRevoked: while as many clients are at work, the distribution points stop taking the token, twice. The management point is asked
// for one each time: when its answer is the last to come, and when it comes before most of the refusals.
func TestLoadRevoked(t *testing.T) {
	if !full() {
		t.Parallel()
	}
	waits := []time.Duration{longLine, 0}
	times := len(waits)
	l := newLoad(t, time.Hour, 5*time.Second)
	var all sync.WaitGroup
	all.Go(l.everybody)
	for n, wait := range waits {
		share := int64(n+1) * l.size / int64(times+1)
		eventually(t, time.Minute, "a share is sent", func() bool { return l.site.Counters.Bytes() > share })
		must(t, l.line.Set(wait, 0))
		l.tokens.RevokeAll()
	}
	all.Wait()
	t.Logf("%d clients; %d requests showed a token that was not good any more; the site was asked %+v", count(1000, 100), l.tokens.Refused(), l.since())
	if got, want := l.since(), (officeAsked{messages: 1 + times, tokens: 1 + times}); got != want || l.tokens.Refused() <= times {
		t.Errorf("%d requests showed a token that was not good any more, want several each time; the site was asked %+v, want %+v", l.tokens.Refused(), got, want)
	}
	if n := l.site.ManagementPoint.Tally.AtOnce(sim.MPRequest{Endpoint: "MP_TokenManager"}); n != 1 {
		t.Errorf("%d requests for a token were under way at once", n)
	}
	l.expectBytes()
}

// load is an office in which everybody comes at once.
type load struct {
	*office
	life     time.Duration // of a token
	line     *sim.Link     // to the management point
	segments []string
	files    []*sim.File
	size     int64 // of all files
}

// longLine is the round trip of a line.
const longLine = 100 * time.Millisecond

// loadFiles is how many files a content has, all of one size.
const loadFiles = 8

// newLoad starts an office whose lines take so long for all contents. They are long ones, to the management point too, so that much is
// under way when a token ends, and much happens before there is another.
func newLoad(t testing.TB, life, span time.Duration) *load {
	t.Helper()
	l := &load{life: life}
	lib := l.publish(t, int64(count(512<<10, 256<<10)))
	form := byTokenManager(sim.EncodeNot)
	form.Life, form.ExpiryName = l.life, "Expires"
	var err error
	l.line, err = sim.NewLink(sim.LinkConfig{RTT: longLine})
	must(t, err)
	const points = 4
	l.office = newOffice(t, lib, officeConfig{
		kind: sim.Workgroup, form: form, points: points,
		link:   &sim.LinkConfig{RTT: longLine, Rate: int64(float64(l.size) / points / span.Seconds()), Window: 128 << 10},
		change: func(c *sim.SiteConfig) { c.ManagementPoint.Config.Link = l.line },
	})
	return l
}

// publish makes a library of 20 packages, applications and updates.
func (l *load) publish(t testing.TB, size int64) *sim.Library {
	t.Helper()
	lib := sim.NewLibrary()
	for n := range 20 {
		id := [...]string{fmt.Sprintf("PS1%05d", n), "Content_" + guid(n), guid(n)}[n%3]
		var specs []sim.FileSpec
		for i := range loadFiles {
			specs = append(specs, sim.FileSpec{Path: fmt.Sprintf("data/%d.cab", i), Size: size + int64(i)})
		}
		v, err := lib.Publish(id, specs...)
		must(t, err)
		segment := id
		if n%3 == 1 {
			segment = v.Segment()
		}
		l.segments, l.files, l.size = append(l.segments, segment), append(l.files, v.Files()...), l.size+v.Size()
	}
	return lib
}

// everybody has clients of two kinds get two contents each, so that all contents begin at the same moment.
func (l *load) everybody() {
	var wg sync.WaitGroup
	for n := range count(1000, 100) {
		download := agent
		if n%4 == 0 {
			download = taskSequence
		}
		wg.Go(func() {
			for i := range 2 {
				k := (n + 7*i) % len(l.segments)
				expectSmooth(l.t, fmt.Sprintf("client %d, %s", n, l.segments[k]), download(l.nearest(k))(l.segments[k]))
			}
		})
	}
	wg.Wait()
}

// nearest is the office as clients of the kth content see it: the nearest distribution point is another one than for the next.
func (l *load) nearest(k int) *office {
	o := *l.office
	k %= len(l.dps)
	o.dps = slices.Concat(l.dps[k:], l.dps[:k])
	return &o
}

// expectLong fails the test unless the distribution points have sent files during more than three lives of a token.
func (l *load) expectLong(began time.Time) {
	l.t.Helper()
	sent := slices.DeleteFunc(l.site.Counters.Sent(), func(s sim.Sent) bool { return s.First.IsZero() })
	if len(sent) == 0 {
		l.t.Fatal("nothing was sent")
	}
	last := slices.MaxFunc(sent, func(a, b sim.Sent) int { return a.First.Compare(b.First) })
	if took := last.First.Sub(began); took <= 3*l.life {
		l.t.Errorf("the last file was begun after %v, want more than three lives of a token, of %v", took, l.life)
	}
}

// expectTokens fails the test unless the management point was asked for tokens only, for each as often as they end, and for none
// while it was being asked.
func (l *load) expectTokens(took time.Duration) {
	l.t.Helper()
	got := l.since()
	tally := l.site.ManagementPoint.Tally
	atOnce := tally.AtOnce(sim.MPRequest{Endpoint: "MP_TokenManager"})
	l.t.Logf("%d clients, %v: %+v; %d requests for a token at once; distribution points: %d requests with a good token, %d with another",
		count(1000, 100), took, got, atOnce, l.tokens.Used(), l.tokens.Refused())
	// The next one may be fetched when four fifths of the life of one are over.
	allowed := 1 + int(took/(l.life*4/5))
	for of, n := range tally.Issued() {
		if n > allowed || n < 4 {
			l.t.Errorf("%d tokens for %+v, want 4 to %d: within %v, when one lives %v", n, of, allowed, took, l.life)
		}
	}
	if got.messages != got.tokens || got.located+got.clouds+got.other > 0 {
		l.t.Errorf("the site was asked %+v, want tokens only, and no question without one", got)
	}
	l.expectApart()
	if atOnce != 1 {
		l.t.Errorf("%d requests for a token were under way at once", atOnce)
	}
}

// expectApart fails the test unless four fifths of the life of each token were over when the next was asked for.
func (l *load) expectApart() {
	l.t.Helper()
	var last time.Time
	nearest := time.Duration(math.MaxInt64)
	for _, e := range l.site.ManagementPoint.Messages.Entries() {
		if e.Tokens > 0 {
			nearest, last = min(nearest, e.Time.Sub(last)), e.Time
		}
	}
	if nearest < l.life*4/5 {
		l.t.Errorf("a token was asked for %v after the one before, and one lives %v", nearest, l.life)
	}
}

// expectBytes ends the box, and fails the test unless the distribution points have sent everything about once, all of them something,
// and all of it is kept.
func (l *load) expectBytes() {
	l.t.Helper()
	by := l.site.Counters.BytesBy()
	if sent := l.site.Counters.Bytes(); sent > l.size*102/100 || sent < l.size || len(by) != len(l.dps) {
		l.t.Errorf("%d bytes were sent for %d, by %v", sent, l.size, by)
	}
	l.stop()
	if kept := claimed(auditCache(l.t, l.cacheDir(), l.files)); kept != l.size {
		l.t.Errorf("%d bytes are kept of %d", kept, l.size)
	}
}
