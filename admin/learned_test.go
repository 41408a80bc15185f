package admin

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"branchpoint/proxy"
)

// lessons is what was learned, until it is forgotten.
type lessons struct{ hosts []proxy.LearnedHost }

func (l *lessons) Learned() []proxy.LearnedHost { return l.hosts }

func (l *lessons) ForgetLearned() { l.hosts = nil }

func TestLearned(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := &lessons{[]proxy.LearnedHost{{
		Host: "dp1:443", Requests: 2, FirstSeen: at, LastSeen: at, Unlisted: 1,
		Headers: []proxy.LearnedHeader{{Name: "X-Token", Requests: 2, FirstSeen: at, LastSeen: at,
			Shapes: []proxy.LearnedShape{{Scheme: "Bearer", JWT: true, Size: "64 to 1023 bytes"}}}},
	}}}
	server := newStage(t).server(t, func(c *Config) { c.Learned = l })
	got := decode[LearnedList](t, ask(t, server, "GET", "/api/v1/learned", ""), http.StatusOK)
	if !reflect.DeepEqual(got.Hosts, l.hosts) {
		t.Errorf("the answer is %+v, want %+v", got.Hosts, l.hosts)
	}
	if resp := change(t, server, "DELETE", "/api/v1/learned", ""); resp.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE: status %d, want 204", resp.StatusCode)
	}
	got = decode[LearnedList](t, ask(t, server, "GET", "/api/v1/learned", ""), http.StatusOK)
	if got.Hosts == nil || len(got.Hosts) != 0 {
		t.Errorf("after it was forgotten: %+v, want an empty list", got.Hosts)
	}
}
