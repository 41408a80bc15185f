package integration

import (
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// wrapping is how the site wraps the tokens of cloud distribution points. They come in the answer about the locations.
type wrapping struct {
	encoding sim.TokenEncoding
	decode   string
}

func (w wrapping) roaming(kind sim.MachineKind) roamingConfig {
	return roamingConfig{kind: kind, delivery: sim.TokenDelivery{Encoding: w.encoding}, decode: w.decode}
}

// of is the same with the content of a row.
func (c roamingConfig) of(segment string) roamingConfig {
	c.segment = segment
	return c
}

// TestScenario12OtherClouds is row 12: the cloud distribution point of a job dies in the middle of a file, and then the one that
// took over does. Others go on at the exact byte, with tokens that come by the gateway, which opens to a PKI certificate. They come
// in the answer about the locations: bare, in base64 and in hex. The URL of a package's list does not tell its version.
func TestScenario12OtherClouds(t *testing.T) {
	t.Parallel()
	for _, c := range []roamingConfig{
		wrapping{sim.EncodeNot, "none"}.roaming(sim.Workgroup).of(app + ".1"),
		wrapping{sim.EncodeBase64, "base64"}.roaming(sim.ADJoined).of(roamingPackage),
		wrapping{sim.EncodeHex, "hex"}.roaming(sim.Hybrid).of(roamingUpdate),
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			t.Parallel()
			c.pki = true
			r := otherClouds(t, c)
			now := r.asked()
			if now.byCertificate == r.registered.byCertificate || now.byToken+now.exchanged+now.entra > 0 {
				t.Errorf("a certificate opens the gateway, and it was asked like this: %+v", now)
			}
		})
	}
}

// TestScenario15OtherClouds is the first half of row 15, which is row 12 for machines without a certificate: CCM_STS exchanges a
// token of Entra for the CCM token that the gateway opens to.
func TestScenario15OtherClouds(t *testing.T) {
	t.Parallel()
	for _, c := range []roamingConfig{
		wrapping{sim.EncodeNot, "none"}.roaming(sim.EntraJoined).of(roamingPackage),
		wrapping{sim.EncodeCMS, "cms-enveloped"}.roaming(sim.Hybrid).of(app + ".1"),
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			t.Parallel()
			c.enrolled = true
			otherClouds(t, c).expectExchanged()
		})
	}
}

// expectExchanged fails the test when a token of Entra was exchanged more often than once for the registration and once for what
// runs, or when the gateway opened to anything else.
func (r *roaming) expectExchanged() {
	r.t.Helper()
	now := r.asked()
	if now.exchanged > 2 || now.entra > 2 || now.byToken == r.registered.byToken || now.byCertificate > 0 {
		r.t.Errorf("a CCM token opens the gateway, and it was asked like this: %+v", now)
	}
}

// otherClouds has several clients at work on a content when its cloud distribution point dies in the middle of the largest file, and
// then the next one. The other files come from the rest too, those that nobody had begun as well.
func otherClouds(t *testing.T, c roamingConfig) *roaming {
	const clients = 4
	size := int64(count(64<<20, 24<<20+5))
	c.link = farCloud(size)
	r := newRoaming(t, roamingLibrary(t, size), c)
	file := r.files([]string{c.segment})[0]
	deaths := &deaths{r: r, file: file}
	var wg sync.WaitGroup
	for n := range clients {
		job := r.newJob(r.classic, c.segment, n, func(c *sim.CloudConfig) {
			if n == 0 {
				c.BITS.Progress = deaths.progress
			}
		})
		wg.Go(func() { expectSmooth(t, c.String(), job.run(t)) })
	}
	wg.Wait()
	deaths.judge()
	if now := r.asked(); now.located != 1 || now.tokens != len(r.clouds()) {
		t.Errorf("%d clients: the site was asked %d times where the content is, and gave %d tokens for %d cloud distribution points", clients,
			now.located, now.tokens, len(r.clouds()))
	}
	auditCache(t, r.cacheDir(), r.files([]string{c.segment}))
	return r
}

// farCloud is a link over which a file takes some time, and on which little is under way when a server dies.
func farCloud(size int64) *sim.LinkConfig {
	return &sim.LinkConfig{Rate: size * 2 / 3, Window: 128 << 10}
}

// deaths kills the cloud distribution points of a download, each in the middle of the file.
type deaths struct {
	r    *roaming
	file *sim.File

	got  int64 // of all files
	dead []cloudDP
}

// progress is told of what a client gets.
func (d *deaths) progress(n int) {
	d.got += int64(n)
	switch by := d.r.site.Counters.BytesBy(); len(d.dead) {
	case 0:
		if d.got > d.file.Size/4 {
			d.r.classic.service.Kill()
			d.kill(d.r.classic)
		}
	case 1:
		for _, heir := range []cloudDP{d.r.own, d.r.spare} {
			if by[heir.name] > 1<<20 && len(d.dead) == 1 {
				d.kill(heir)
			}
		}
	}
}

// kill kills the storage. The gateway itself goes on.
func (d *deaths) kill(c cloudDP) {
	c.storage.Kill()
	d.dead = append(d.dead, c)
}

// judge fails the test unless two have died, and another has taken over from each: in the middle of what the dead one was sending,
// with no byte fetched again but those that were under way.
func (d *deaths) judge() {
	t, counters := d.r.t, d.r.site.Counters
	t.Helper()
	by := counters.BytesBy()
	t.Logf("sent: %v, %d bytes of it twice", by, counters.Overlap(""))
	if len(d.dead) != 2 || by[d.r.own.name] == 0 || by[d.r.spare.name] == 0 {
		t.Fatalf("%d have died, and these were sent: %v", len(d.dead), by)
	}
	for _, dead := range d.dead {
		if by[dead.name] >= d.file.Size {
			t.Errorf("%s has sent the whole before it died", dead.name)
		}
	}
	within := 0
	for _, s := range counters.Sent() {
		if s.DP != d.r.classic.name && s.File == d.file.Key() && s.Offset%sliceBytes != 0 {
			within++
		}
	}
	if within == 0 {
		t.Error("nobody went on in the middle of a slice")
	}
	if again := counters.Overlap(""); again > 1<<20 {
		t.Errorf("%d bytes were sent twice", again)
	}
}

// TestScenario13OnlyTheOriginal is row 13: row 12 when the gateway cannot authenticate us, since it does not know us any more, or
// since a machine without a certificate has nothing to show. The cloud distribution points of the list are tried until the original
// one answers again. No token is used but the client's own.
func TestScenario13OnlyTheOriginal(t *testing.T) {
	t.Parallel()
	for _, c := range []roamingConfig{
		{kind: sim.EntraJoined, enrolled: true, segment: roamingPackage},
		{kind: sim.Hybrid, segment: roamingUpdate},
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			t.Parallel()
			onlyTheOriginal(t, c)
		})
	}
}

func onlyTheOriginal(t *testing.T, c roamingConfig) {
	size := int64(count(64<<20, 12<<20+5))
	c.link = farCloud(size)
	r := newRoaming(t, roamingLibrary(t, size), c)
	r.site.Gateway.SetStranger(true)
	file := r.files([]string{c.segment})[0]
	dead := make(chan struct{})
	var got int64
	job := r.newJob(r.classic, c.segment, 1, func(c *sim.CloudConfig) {
		c.BITS.Progress = func(n int) {
			const early = 8 // by when the box is ahead of the client, and far from the end
			if got += int64(n); got-int64(n) <= file.Size/early && got > file.Size/early {
				r.classic.storage.Kill()
				r.classic.service.Kill()
				close(dead)
			}
		}
	})
	ended := make(chan sim.ContentResult, 1)
	go func() { ended <- job.run(t) }()
	select {
	case <-dead:
	case early := <-ended:
		t.Fatalf("the job ended before anything died: %v", early.Err)
	}
	refusals := func() int { return r.logged("does not say where else a blob is") }
	eventually(t, 20*time.Second, "others are looked for, again and again", func() bool { return refusals() >= 4 })
	select {
	case early := <-ended:
		t.Fatalf("the job ended before the original was there again: %v", early.Err)
	default:
	}
	must(t, r.classic.storage.Revive(t.Context()))
	result := <-ended
	expectSmooth(t, c.String(), result)
	by, now := r.site.Counters.BytesBy(), r.asked()
	t.Logf("others were looked for %d times; sent: %v, %d bytes of it twice", refusals(), by, r.site.Counters.Overlap(""))
	if len(by) != 1 || now.located+now.tokens > 0 {
		t.Errorf("sent %v; the site was asked %+v", by, now)
	}
	if refused := r.site.Gateway.Requests(sim.GatewayRequest{Auth: "server", Status: 401}); c.enrolled && refused == 0 {
		t.Error("the gateway was not even asked")
	}
	auditCache(t, r.cacheDir(), r.files([]string{c.segment}))
}
