package proxy_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"

	"branchpoint/proxy"
)

// keyring has one token for a gateway, or another when that is refused, and keeps what it was told.
type keyring struct {
	mu      sync.Mutex
	none    bool
	spare   bool
	told    []string
	present string // a header in which the token travels
}

// Authorize implements proxy.Keys.
func (k *keyring) Authorize(_ context.Context, audience string, h http.Header) (uint64, error) {
	k.tell("asked for " + audience)
	if k.none {
		return 0, errors.New("there is none")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.spare && slices.Contains(k.told, "7 is bad at "+audience+":443") {
		h.Set(k.present, "Bearer spare "+canary)
		return 8, nil
	}
	h.Set(k.present, "Bearer "+canary)
	return 7, nil
}

// Another implements proxy.Keys.
func (k *keyring) Another(ctx context.Context, audience string, stamp uint64, _ string, h http.Header) (uint64, error) {
	if !k.spare || stamp != 7 {
		k.tell("asked for another than " + strconv.FormatUint(stamp, 10))
		return 0, errors.New("there is no other")
	}
	return k.Authorize(ctx, audience, h)
}

// Accepted implements proxy.Keys.
func (k *keyring) Accepted(_ string, stamp uint64, host string) {
	k.tell(fmt.Sprintf("%d is good at %s", stamp, host))
}

// Refused implements proxy.Keys.
func (k *keyring) Refused(_ string, stamp uint64, host string) {
	k.tell(fmt.Sprintf("%d is bad at %s", stamp, host))
}

func (k *keyring) tell(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told = append(k.told, what)
}

// secondTries are requests to gateways that want a token, and what becomes of them.
var secondTries = []struct {
	name       string
	method     string // empty: GET
	host       string // empty: cmg.in
	target     string // empty: the list
	header     string // of the client
	listener   proxy.Listener
	none       bool // we have no token
	spare      bool // we have another one, which is good
	first      int  // the answer to a request without a token; zero: 401
	second     int  // the answer to our token; zero: 200
	status     int  // what the client gets
	requests   int  // that the gateway sees
	told, seen string
}{
	{name: "without a token", status: 200, requests: 2, told: "7 is good at cmg.in:443", seen: "cmg.in:443 "},
	{name: "forbidden", first: 403, status: 200, requests: 2, told: "7 is good at cmg.in:443", seen: "cmg.in:443 "},
	{name: "not modified", second: 304, status: 304, requests: 2, told: "7 is good at cmg.in:443", seen: "cmg.in:443 "},
	{name: "nobody asks", first: 200, status: 200, requests: 1, seen: "cmg.in:443 "},
	{name: "missing", first: 404, status: 404, requests: 1, seen: "cmg.in:443 "},
	{name: "ours is refused", second: 401, status: 401, requests: 2, told: "asked for another than 7", seen: "cmg.in:443 "},
	{name: "another of ours is good", second: 401, spare: true, status: 200, requests: 3, told: "8 is good at cmg.in:443", seen: "cmg.in:443 "},
	{name: "the first of ours is not enough", first: 403, second: 403, spare: true, status: 403, requests: 2, told: "asked for cmg.in", seen: "cmg.in:443 "},
	{name: "ours is not enough", first: 403, second: 403, status: 403, requests: 2, told: "asked for cmg.in", seen: "cmg.in:443 "},
	{name: "it fails then", second: 500, status: 401, requests: 2, told: "asked for cmg.in", seen: "cmg.in:443 "},
	{name: "it leads elsewhere then", second: 302, status: 401, requests: 2, told: "asked for cmg.in", seen: "cmg.in:443 "},
	{name: "there is none", none: true, status: 401, requests: 1, told: "asked for cmg.in", seen: "cmg.in:443 "},
	{name: "the client's own is bad", header: "X-Token: own", status: 401, requests: 1, told: "asked for cmg.in", seen: "cmg.in:443 own"},
	{name: "a login", header: "Authorization: NTLM TlRMTVNTUAAB", status: 401, requests: 1, seen: "cmg.in:443 "},
	{name: "HEAD", method: "HEAD", status: 401, requests: 1},
	{name: "POST", method: "POST", status: 401, requests: 1},
	{name: "something else", target: "/downloadrestservice.svc/other", status: 401, requests: 1},
	{name: "a host that is none of the site", host: "evil.in", status: 401, requests: 1},
	{name: "a client that the DP decides about", listener: proxy.Listener{Entitlement: proxy.Origin}, status: 401, requests: 1},
	{name: "a network that is trusted", listener: proxy.Listener{Entitlement: proxy.Network, Networks: loopback}, status: 200, requests: 2, told: "7 is good at cmg.in:443"},
	{name: "a network that is not", listener: proxy.Listener{Entitlement: proxy.Network, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, status: 401, requests: 1},
}

// TestListWithOurToken: who is entitled to our token gets the list of a content with it, once, and from nobody but the gateway.
func TestListWithOurToken(t *testing.T) {
	for _, tt := range secondTries {
		t.Run(tt.name, func(t *testing.T) {
			keys, seen := &keyring{none: tt.none, spare: tt.spare, present: "X-Token"}, make(chan string, 10)
			w := newWitness()
			s := newTrusting(t, options{listener: tt.listener, config: proxy.Config{Keys: keys, Tokens: observer(seen), Reader: w,
				SiteHosts: []string{"cmg.in:443", "evil.in:80"}}})
			method, host, target := cmp.Or(tt.method, "GET"), cmp.Or(tt.host, "cmg.in"), cmp.Or(tt.target, cloudList)
			gateway := newDP(0)
			gateway.answerWith(func(w http.ResponseWriter, r *http.Request) {
				status := cmp.Or(tt.first, 401)
				switch r.Header.Get("X-Token") {
				case "Bearer " + canary:
					status = cmp.Or(tt.second, 200)
				case "Bearer spare " + canary:
					status = 200
				}
				w.Header().Set("Location", "https://evil.in/")
				w.WriteHeader(status)
				if status != 304 {
					fmt.Fprint(w, "list ", status)
				}
			})
			s.startTLS(host+":443", gateway, nil)
			header := tt.header
			if header != "" {
				header += "\r\n"
			}
			got := s.seenInto(host+":443").send("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", method, target, host, header).answer(method)
			wantStatus(t, got, tt.status)
			if want := fmt.Sprint("list ", tt.status); method != "HEAD" && tt.status != 304 && string(got.body) != want {
				t.Errorf("the client got %q, want %q", got.body, want)
			}
			asked := gateway.requests()
			for _, r := range asked {
				if r.target != target || r.host != host || r.method != method {
					t.Errorf("the gateway was asked %s %s at %s", r.method, r.target, r.host)
				}
			}
			var last string
			if len(keys.told) > 0 {
				last = keys.told[len(keys.told)-1]
			}
			if len(asked) != tt.requests || last != tt.told {
				t.Errorf("the gateway was asked %d times, want %d; told was %q, want %q in the end", len(asked), tt.requests, keys.told, tt.told)
			}
			close(seen)
			if one := <-seen; one != tt.seen {
				t.Errorf("the broker saw %q, want %q", one, tt.seen)
			}
			if tt.status == 200 {
				if one := w.next(t); one.target != cloudList || string(one.Answer) != "list 200" {
					t.Errorf("the reader was shown %q, %q", one.target, one.Answer)
				}
			}
		})
	}
}

// TestOurTokenGoesOverTLS: and never over plain HTTP, whoever asks.
func TestOurTokenGoesOverTLS(t *testing.T) {
	keys := &keyring{present: "Authorization"}
	s := newSite(t, options{config: proxy.Config{Keys: keys, SiteHosts: []string{"cmg:80", "cmg:443"}}})
	gateway := newDP(0)
	gateway.answerWith(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	s.start("cmg:80", gateway)
	wantStatus(t, s.ask(s.client(), "GET", "http://cmg"+cloudList), 401)
	if len(gateway.requests()) != 1 || len(keys.told) != 0 {
		t.Errorf("%d requests, told was %q", len(gateway.requests()), keys.told)
	}
}

// TestGatewayIsAwayThen: the client gets the first answer when there is no second.
func TestGatewayIsAwayThen(t *testing.T) {
	keys := &keyring{present: "Authorization"}
	s := newTrusting(t, options{config: proxy.Config{Keys: keys, SiteHosts: []string{"cmg.in:443"}}})
	s.startTLS("cmg.in:443", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "no")
	}), nil)
	in := s.seenInto("cmg.in:443")
	for range 2 {
		got := in.send("GET %s HTTP/1.1\r\nHost: cmg.in\r\n\r\n", cloudList).answer("GET")
		wantStatus(t, got, 403)
		wantBody(t, got, []byte("no"))
	}
	if want := []string{"asked for cmg.in", "asked for cmg.in"}; !slices.Equal(keys.told, want) {
		t.Errorf("told was %q, want %q", keys.told, want)
	}
}
