package sim

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestTokenServiceFaults(t *testing.T) {
	s := newTestSTS(t, nil)
	token := s.incoming()
	for name, tt := range map[string]struct {
		fault  Fault
		status int
		body   bool
	}{
		"redirect": {Fault{Kind: FaultRedirect, To: "https://elsewhere.invalid/"}, 302, true},
		"401":      {Fault{Kind: FaultStatus, Status: 401}, 401, true},
		"503":      {Fault{Kind: FaultStatus}, 503, true},
		"empty":    {Fault{Kind: FaultEmpty}, 200, false},
		"cut":      {Fault{Kind: FaultShortBody, After: 100}, 0, false},
		"reset":    {Fault{Kind: FaultReset}, 0, false},
		"another":  {Fault{Kind: FaultStatus, Match: "/other"}, 200, true},
	} {
		in, err := s.Faults.Inject(tt.fault)
		if err != nil {
			t.Fatal(err)
		}
		resp, body, err := send(t, s.http, "GET", s.mp.URL("https")+"/CCM_STS", "", "Authorization", "Bearer "+token)
		if (err != nil) != (tt.status == 0) || err == nil && (resp.StatusCode != tt.status || (len(body) > 0) != tt.body) {
			t.Errorf("%s: %v, %.60q", name, err, body)
		}
		in.Lift()
	}
	slow, err := s.Faults.Inject(Fault{Kind: FaultStall, After: 10})
	if err != nil {
		t.Fatal(err)
	}
	var lifting sync.WaitGroup
	lifting.Go(func() { <-slow.Struck(); slow.Lift() })
	if status, got := s.ask(token); status != 200 || !s.good(got) {
		t.Errorf("slow: %d %.40q", status, got)
	}
	lifting.Wait()
	for name, tt := range map[string]struct {
		method, url string
		status      int
	}{
		"http":         {"GET", s.mp.URL("http") + "/CCM_STS", 403},
		"another verb": {"POST", s.mp.URL("https") + "/CCM_STS", 405},
		"another path": {"GET", s.mp.URL("https") + "/CCM_STS/x", 404},
	} {
		if resp, _ := mustSend(t, s.http, tt.method, tt.url, "", "Authorization", "Bearer "+token); resp.StatusCode != tt.status {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	for _, log := range []*Log{s.mp.Log(), s.front.Log()} {
		checkNoSecret(t, log, token)
	}
	if text := fmt.Sprintf("%+v %#v %+v", s.TokenService, s.Exchanges(), s.config); strings.Contains(text, token) {
		t.Error("a token shows itself")
	}
}
