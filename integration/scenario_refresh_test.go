package integration

import (
	"encoding/json"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"branchpoint/integration/sim"
	"branchpoint/tokenbroker"
)

// refreshLife is how long a token lives where one is replaced ahead of its end: a fifth of it is left then, and clients get two more
// files within it.
func refreshLife() time.Duration {
	if patient() {
		return 24 * time.Second
	}
	return 6 * time.Second
}

// refreshes is how often it is replaced.
const refreshes = 2

// stream is clients that get one thing after the other, until they are told to stop.
type stream struct {
	t     testing.TB
	ended chan struct{}
	stop  func() // and waits for them
	got   []atomic.Int64
}

// startStream starts clients. get has one of them get its nth thing.
func startStream(t testing.TB, clients int, get func(client, n int) error) *stream {
	s := &stream{t: t, ended: make(chan struct{}), got: make([]atomic.Int64, clients)}
	var wg sync.WaitGroup
	s.stop = sync.OnceFunc(func() { close(s.ended); wg.Wait() })
	t.Cleanup(s.stop)
	for client := range s.got {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-s.ended:
					return
				default:
				}
				switch err := get(client, n); {
				case t.Context().Err() != nil:
					return // the test is over
				case err != nil:
					t.Errorf("client %d, its %dth: %v", client, n, err)
					return
				}
				s.got[client].Add(1)
			}
		})
	}
	return s
}

// expectFlow fails the test unless every client gets two more things in time: the one that it waits for, and another one.
func (s *stream) expectFlow(limit time.Duration, when string) {
	s.t.Helper()
	want := make([]int64, len(s.got))
	for i := range s.got {
		want[i] = s.got[i].Load() + 2
	}
	eventually(s.t, limit, "every client gets two more, "+when, func() bool {
		for i := range s.got {
			if s.got[i].Load() < want[i] {
				return false
			}
		}
		return true
	})
}

// expectAhead holds up the next request that a fault strikes, which is for a successor of the token for an audience. It fails the test
// unless that comes before the token has ended, and clients go on with the old one meanwhile.
func (s *stream) expectAhead(b *box, audience string, at *sim.Faults, message string) {
	s.t.Helper()
	held, err := at.Inject(sim.Fault{Kind: sim.FaultSilence, Message: message, Count: 1})
	must(s.t, err)
	s.t.Cleanup(at.Clear) // before the clients are waited for
	old := b.tokenFor(audience)
	select {
	case <-held.Struck():
	case <-time.After(time.Until(old.Expires)):
		s.t.Fatalf("the token ends at %v, and no other one is asked for", old.Expires)
	}
	s.expectFlow(time.Until(old.Expires), "while the management point does not answer, and the old token is good")
	if now := b.tokenFor(audience); now.Fingerprint != old.Fingerprint {
		s.t.Errorf("it was %+v that was in use, and is %+v, when nobody has answered", old, now)
	}
	held.Lift()
	eventually(s.t, soon(), "the new token is in use", func() bool { return b.tokenFor(audience).Fingerprint != old.Fingerprint })
}

// tokenFor is what the admin API says of the token for an audience. Empty: the only one.
func (b *box) tokenFor(audience string) tokenbroker.TokenStatus {
	b.t.Helper()
	_, text := b.get("/api/v1/tokens")
	var list struct{ Tokens []tokenbroker.TokenStatus }
	must(b.t, json.Unmarshal([]byte(text), &list))
	for _, one := range list.Tokens {
		if one.Audience == audience || audience == "" && len(list.Tokens) == 1 {
			return one
		}
	}
	b.t.Fatalf("there is no token for %q: %s", audience, text)
	return tokenbroker.TokenStatus{}
}

// TestRefreshAhead: while clients get files that nobody has had before, the token for the distribution points is replaced ahead of its
// end, by one request, for which nobody waits.
func TestRefreshAhead(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		form    tokenForm
		message string
		asked   officeAsked // once
	}{
		{byTokenManager(sim.EncodeNot), "MP_TokenManager", officeAsked{messages: 1, tokens: 1}},
		{inReply(sim.PlaceSite, false, sim.EncodeNot), "ContentLocationRequest", officeAsked{located: 1, tokens: 1}},
	} {
		t.Run(row.message, func(t *testing.T) {
			t.Parallel()
			row.form.Life, row.form.ExpiryName = refreshLife(), "Expires"
			const clients = 4
			o := newOffice(t, smallFiles(t, clients), officeConfig{kind: sim.Workgroup, form: row.form, link: &sim.LinkConfig{RTT: 20 * time.Millisecond}})
			s := startStream(t, clients, o.smallFile(t))
			s.expectFlow(soon(), "with the first token")
			for range refreshes {
				s.expectAhead(o.box, "", o.site.ManagementPoint.Faults, row.message)
			}
			s.stop()
			tally := o.site.ManagementPoint.Tally
			t.Logf("%d files; the site was asked %+v; %d requests with a good token", o.site.Counters.Requests("GET"), o.since(), o.tokens.Used())
			if got, want := o.since(), row.asked.times(1+refreshes); got != want {
				t.Errorf("the site was asked %+v, want %+v: a token and its %d successors", got, want, refreshes)
			}
			if n := max(tally.AtOnce(sim.MPRequest{Endpoint: row.message}), tally.AtOnce(sim.MPRequest{Request: row.message})); n != 1 {
				t.Errorf("%d requests for a token were under way at once", n)
			}
			if n := o.tokens.Refused(); n > 0 {
				t.Errorf("%d requests showed a token that was not good any more", n)
			}
		})
	}
}

// times is n times as much.
func (a officeAsked) times(n int) officeAsked {
	return officeAsked{located: n * a.located, messages: n * a.messages, tokens: n * a.tokens, clouds: n * a.clouds, entra: n * a.entra,
		exchanged: n * a.exchanged, other: n * a.other}
}

// manySmall is more files than a client gets in the time of a test.
const manySmall = 1500

// smallFiles is a library with a content of small files for each client.
func smallFiles(t testing.TB, clients int) *sim.Library {
	t.Helper()
	lib := sim.NewLibrary()
	for client := range clients {
		var specs []sim.FileSpec
		for n := range manySmall {
			specs = append(specs, sim.FileSpec{Path: fmt.Sprintf("%d.dat", n), Size: int64(1000 + n)})
		}
		_, err := lib.Publish(smallContent(client), specs...)
		must(t, err)
	}
	return lib
}

func smallContent(client int) string { return fmt.Sprintf("PS1%05d", client) }

// smallFile gets the nth file of a client's content.
func (o *office) smallFile(t testing.TB) func(client, n int) error {
	bits, err := sim.NewBITS(sim.BITSConfig{ClientConfig: o.client(), MaxRetries: 1, RetryDelay: time.Millisecond})
	must(t, err)
	return func(client, n int) error {
		if n >= manySmall {
			return fmt.Errorf("there are only %d files", manySmall)
		}
		target := bitsURL(o.dps[client%len(o.dps)], smallContent(client), (&url.URL{Path: fmt.Sprintf("%d.dat", n)}).EscapedPath())
		r := bits.Download(t.Context(), target)
		if r.Err == nil && r.Retries > 0 {
			return fmt.Errorf("%d retries: %v", r.Retries, r.Troubles)
		}
		return r.Err
	}
}
