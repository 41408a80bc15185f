package site

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// fake is a way whose answers a test writes. Nil functions answer that there is nothing.
type fake struct {
	locate  func(ctx context.Context, c ccm.Content) (ccm.Locations, error)
	token   func(ctx context.Context, c ccm.Content) (ccm.Token, error)
	confirm func(ctx context.Context) (ccm.Registration, error)

	mu        sync.Mutex
	asked     map[string]int // by the name of the question
	contents  []string       // that were located, or that a token was asked with
	atOnce    int
	most      int // questions at once
	forgotten []string
}

// begin counts a question. How the registration stands is asked beside the others.
func (f *fake) begin(question string, c ccm.Content) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asked == nil {
		f.asked = map[string]int{}
	}
	f.asked[question]++
	if question == "confirm" {
		return
	}
	f.contents = append(f.contents, c.ID)
	f.atOnce++
	f.most = max(f.most, f.atOnce)
}

func (f *fake) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.atOnce--
}

func (f *fake) count(question string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[question]
}

func (f *fake) mostAtOnce() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most
}

func (f *fake) Locate(ctx context.Context, c ccm.Content, _ ccm.Place) (ccm.Locations, error) {
	f.begin("locate", c)
	defer f.end()
	if f.locate == nil {
		return ccm.Locations{}, nil
	}
	return f.locate(ctx, c)
}

func (f *fake) DPToken(ctx context.Context, c ccm.Content, _ ccm.Place) (ccm.Token, error) {
	f.begin("token", c)
	defer f.end()
	if f.token == nil {
		return ccm.Token{}, problem(ccm.ErrNoToken)
	}
	return f.token(ctx, c)
}

func (f *fake) ForgetDPToken(t ccm.Token) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forgotten = append(f.forgotten, t.Reveal())
}

func (f *fake) Confirm(ctx context.Context) (ccm.Registration, error) {
	f.begin("confirm", ccm.Content{})
	if f.confirm == nil {
		return ccm.Registration{Approval: ccm.Approved}, nil
	}
	return f.confirm(ctx)
}

// problem is an error as a client of a site returns it.
func problem(kind error) error {
	return &ccm.Error{Op: "ask", Kind: kind, Cause: errors.New("the server said " + canary)}
}

// silent never answers, and fails after the time that a client gives a request.
func silent(ctx context.Context) error {
	select {
	case <-time.After(20 * time.Second):
		return problem(ccm.ErrUnreachable)
	case <-ctx.Done():
		return &ccm.Error{Op: "ask", Kind: context.Canceled}
	}
}

// at is an answer with a location on each of the hosts, after a pause.
func at(pause time.Duration, hosts ...string) func(context.Context, ccm.Content) (ccm.Locations, error) {
	return func(_ context.Context, c ccm.Content) (found ccm.Locations, err error) {
		<-time.After(pause)
		for _, h := range hosts {
			found.List = append(found.List, onDP(h, c))
		}
		return found, nil
	}
}

// failing fails at once.
func failing(kind error) func(context.Context, ccm.Content) (ccm.Locations, error) {
	return func(context.Context, ccm.Content) (ccm.Locations, error) { return ccm.Locations{}, problem(kind) }
}

func onDP(host string, c ccm.Content) ccm.Location {
	return ccm.Location{URL: "https://" + host + "/CCMTOKENAUTH_SMS_DP_SMSPKG$/" + c.ID, Access: ccm.AccessToken, AuthMethod: 1024}
}

// inCloudAt is a cloud location with a signed query.
func inCloudAt(t testing.TB, host, query string) ccm.Location {
	t.Helper()
	secret, err := ccm.NewSecret(query)
	must(t, err)
	return ccm.Location{URL: "https://" + host + "/downloadrestservice.svc/getcontentxmlsecure", Query: secret, Cloud: true, Access: ccm.AccessToken}
}

func pkg(id string) ccm.Content { return ccm.Content{Kind: ccm.Package, ID: id, Version: 1} }

func tokenOf(t testing.TB, text string, life time.Duration) ccm.Token {
	t.Helper()
	var ends time.Time
	if life != 0 {
		ends = time.Now().Add(life)
	}
	token, err := ccm.NewToken(text, ends)
	must(t, err)
	return token
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const testSMSID = "GUID:0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"

// world is a site with everything that it writes.
type world struct {
	*Site
	log      *syncBuffer
	registry *prometheus.Registry
}

// syncBuffer is a buffer for many goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newWorld is a site with those ways, "mp" first and then "cmg".
func newWorld(t testing.TB, config Config, ways ...*fake) *world {
	t.Helper()
	w := &world{log: &syncBuffer{}, registry: prometheus.NewRegistry()}
	config.Registerer = w.registry
	config.Logger = slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	config.SiteAudience, config.SMSID = "site", testSMSID
	config.Ways = waysOf(ways...)
	s, err := New(config)
	must(t, err)
	w.Site = s
	t.Cleanup(func() {
		must(t, s.Close(context.Background()))
		w.clean(t)
	})
	return w
}

func waysOf(ways ...*fake) (all []Way) {
	for i, f := range ways {
		all = append(all, Way{[]string{"mp", "cmg"}[i], f})
	}
	return all
}

// clean fails when anything that the world writes holds a secret.
func (w *world) clean(t testing.TB) {
	t.Helper()
	status, err := json.Marshal(w.Status())
	must(t, err)
	text := w.log.String() + string(status) + fmt.Sprintf("%v %+v %#v", w.Status(), w.Status(), w.Status())
	families, err := w.registry.Gather()
	must(t, err)
	for _, f := range families {
		text += f.String()
	}
	if strings.Contains(text, canary) {
		t.Errorf("a secret shows: %.2000s", text)
	}
}

// result is the value of the counter of one way's questions that ended so.
func (w *world) result(t testing.TB, way, result string) (n float64) {
	t.Helper()
	families, err := w.registry.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == "branchpoint_site_requests_total" && labels["way"] == way && labels["result"] == result {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// located are the hosts of an answer, in their order.
func located(list []ccm.Location) string {
	var hosts []string
	for _, l := range list {
		hosts = append(hosts, hostOf(l.URL))
	}
	return strings.Join(hosts, " ")
}

// wants locates a content and checks the hosts, and how long it took. "error" stands for one that a chain goes on at.
func (w *world) wants(t *testing.T, c ccm.Content, way, hosts string, within time.Duration) {
	t.Helper()
	begun := time.Now()
	found, err := w.Locate(t.Context(), c, way)
	got := located(found.List)
	if err != nil {
		got = "error"
		if _, vouched := errors.AsType[tokenbroker.Failure](err); !vouched || !errors.Is(err, tokenbroker.ErrUnavailable) {
			t.Errorf("the error is %v: not one that a chain goes on at", err)
		}
	}
	if got != hosts {
		t.Errorf("%s by %q is at %q (%v), want %q", c.ID, way, got, err, hosts)
	}
	if took := time.Since(begun); took > within {
		t.Errorf("%s by %q took %v, want %v at most", c.ID, way, took, within)
	}
}

// state is what Status says of one way.
func (w *world) state(way string) WayStatus {
	for _, one := range w.Status().Ways {
		if one.Name == way {
			return one
		}
	}
	return WayStatus{}
}

// elapse lets d pass in the bubble of synctest.Test, and everything that was due in it end.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// canary is a secret that may show up nowhere.
const canary = "cAnArY-51ab07"
