package site

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

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
