package integration

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestScenario01Package is row 1: a package on the corporate network. The token comes with the answer about locations, as an
// element or an attribute: form A.
func TestScenario01Package(t *testing.T) {
	officeRow(t, agent, [...]tokenForm{
		inReply(sim.PlaceRoot, false, sim.EncodeNot), inReply(sim.PlaceSite, true, sim.EncodeBase64),
		inReply(sim.PlaceRecord, false, sim.EncodeHex), inReply(sim.PlaceRecord, true, sim.EncodeCMS),
	}, roamingPackage)
}

// TestScenario02Application is row 2: an application. A message to the token manager is answered with the token: form B.
func TestScenario02Application(t *testing.T) {
	officeRow(t, agent, [...]tokenForm{
		byTokenManager(sim.EncodeCMS), byTokenManager(sim.EncodeNot), byTokenManager(sim.EncodeBase64), byTokenManager(sim.EncodeHex),
	}, app+".1")
}

// TestScenario03Update is row 3: a software update. A message to the token services is answered with the token: form C.
func TestScenario03Update(t *testing.T) {
	officeRow(t, agent, [...]tokenForm{
		byTokenServices(sim.EncodeHex), byTokenServices(sim.EncodeCMS), byTokenServices(sim.EncodeNot), byTokenServices(sim.EncodeBase64),
	}, roamingUpdate)
}

// TestScenario04TaskSequence is row 4: a task sequence, which gets one content after the other, each file in one piece. Machines
// that have a token of Entra get the one of the distribution points for it at CCM_STS, form D, and the others by forms A and B.
func TestScenario04TaskSequence(t *testing.T) {
	officeRow(t, taskSequence, [...]tokenForm{inReply(sim.PlaceSite, false, sim.EncodeNot), byTokenManager(sim.EncodeNot), bySTS(), bySTS()},
		roamingImage, roamingPackage, app+".1")
}

// officeClient makes a client that downloads from locations.
type officeClient func(o *office) (download func(segment string) sim.ContentResult)

// agent is the client agent, which lists a content and gets its files by BITS.
func agent(o *office) func(string) sim.ContentResult {
	client, err := sim.NewCCM(sim.CCMConfig{
		BITS:          sim.BITSConfig{ClientConfig: o.client(), RetryDelay: 10 * time.Millisecond, MaxRetries: 3},
		ManifestDelay: time.Millisecond, ManifestRounds: 1,
	})
	must(o.t, err)
	return func(segment string) sim.ContentResult { return client.Download(o.t.Context(), o.locations(segment)...) }
}

// taskSequence is the engine of a task sequence.
func taskSequence(o *office) func(string) sim.ContentResult {
	client, err := sim.NewTaskSequence(o.client())
	must(o.t, err)
	return func(segment string) sim.ContentResult { return client.Download(o.t.Context(), o.locations(segment)...) }
}

// officeRow has machines of each kind get contents from distribution points that only a token opens. No client has one: the box's
// opens them, and it asks for it once.
func officeRow(t *testing.T, clients officeClient, forms [4]tokenForm, segments ...string) {
	t.Parallel()
	for kind := range sim.Hybrid + 1 {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, roamingLibrary(t, int64(count(64<<20, 3<<20+3))), officeConfig{kind: kind, form: forms[kind]})
			o.expectClosed(segments[0])
			o.everybody(clients, segments)
			o.expectOneToken()
			o.expectOnce(segments)
		})
	}
}

// expectClosed fails the test when the content is to be had without a token.
func (o *office) expectClosed(segment string) {
	o.t.Helper()
	config := o.client()
	config.Proxy = nil
	client, err := sim.NewTaskSequence(config)
	must(o.t, err)
	if r := client.Download(o.t.Context(), o.locations(segment)...); r.Err == nil {
		o.t.Fatalf("%s is open to everybody", segment)
	}
}

// everybody has clients download the contents at the same time.
func (o *office) everybody(clients officeClient, segments []string) {
	var wg sync.WaitGroup
	for n := range count(20, 3) {
		download := clients(o)
		wg.Go(func() {
			for _, segment := range segments {
				expectSmooth(o.t, fmt.Sprintf("client %d, %s", n, segment), download(segment))
			}
		})
	}
	wg.Wait()
}

// expectOneToken fails the test unless the site was asked for one token since the machine registered, in the form that it has, and
// for nothing else.
func (o *office) expectOneToken() {
	o.t.Helper()
	var want officeAsked
	switch o.config.form.Form {
	case sim.DeliverInReply:
		want.located, want.tokens = 1, 1
	case sim.DeliverNowhere:
		want.exchanged, want.entra = 1, 1
	default:
		want.messages, want.tokens = 1, 1
	}
	if got := o.since(); got != want {
		o.t.Errorf("the site was asked %+v, want %+v", got, want)
	}
}

// expectOnce ends the box, and fails the test unless the site has sent the contents about once, and all of them are kept.
func (o *office) expectOnce(segments []string) {
	o.t.Helper()
	files := filesOf(o.t, o.site.Library, segments)
	var size int64
	for _, f := range files {
		size += f.Size
	}
	if sent := o.site.Counters.Bytes(); sent > size*102/100 || sent < size {
		o.t.Errorf("%d bytes were sent for %d", sent, size)
	}
	o.stop()
	if kept := claimed(auditCache(o.t, o.cacheDir(), files)); kept != size {
		o.t.Errorf("%d bytes are kept of %d", kept, size)
	}
}

// TestScenario05TaskSequence is row 5: a task sequence whose engine has a token for the distribution points, which it hands to its
// steps as a variable. The management point is asked for nothing; how the registration stands is no question about content.
func TestScenario05TaskSequence(t *testing.T) {
	t.Parallel()
	for kind := range sim.Hybrid + 1 {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			segments := []string{roamingImage, roamingPackage, app + ".1"}
			o := prepareOffice(t, roamingLibrary(t, int64(count(64<<20, 3<<20+3))), officeConfig{kind: kind, form: byTokenManager(sim.EncodeNot)})
			cmd := o.command()
			cmd.Env = append(os.Environ(), "_SMSTSDPAuthToken="+o.tokens.Issue(time.Hour).Reveal())
			o.start(cmd)
			o.everybody(taskSequence, segments)
			if got := o.since(); got != (officeAsked{}) {
				t.Errorf("the site was asked %+v, want nothing", got)
			}
			o.expectOnce(segments)
		})
	}
}
