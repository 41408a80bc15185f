package proxy

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/proxy/content"
)

// signedBlob is a blob as a client names it.
func signedBlob(t *testing.T, raw string) content.Target {
	t.Helper()
	target, ok := content.ParseBlob("https", "acct", raw)
	if !ok {
		t.Fatalf("%q is not a blob", raw)
	}
	return target
}

// TestAdmissionsEnd: no admission outlives the credential that it was given for, whatever our own terms are.
func TestAdmissionsEnd(t *testing.T) {
	const never = 0
	for _, tt := range []struct {
		name           string
		query          string // %s is the end of the signature
		life           time.Duration
		settled, grace time.Duration // how long
	}{
		{"a public blob", "", never, 5 * time.Minute, time.Hour},
		{"a policy of the service ends it", "?sig=x&si=p", never, 5 * time.Minute, never},
		{"ends late", "?sig=x&se=", 24 * time.Hour, 5 * time.Minute, time.Hour},
		{"ends within the grace", "?sig=x&se=", 10 * time.Minute, 5 * time.Minute, 10 * time.Minute},
		{"ends early", "?sig=x&se=", time.Minute, time.Minute, time.Minute},
		{"has ended", "?sig=x&se=", -time.Minute, never, never},
		{"its key ends early", "?sig=x&ske=", time.Minute, time.Minute, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var in atomic.Pointer[terms]
				in.Store(&terms{verdictAge: 5 * time.Minute, grace: time.Hour})
				var v verdicts
				v.init(&in)
				raw := "/abc/d" + tt.query
				if tt.life != 0 {
					raw += time.Now().UTC().Add(tt.life).Format(time.RFC3339)
				}
				target := signedBlob(t, raw)
				id := v.id(target)
				began := time.Now()
				for _, at := range []time.Duration{0, time.Minute - 1, time.Minute, 5*time.Minute - 1, 5 * time.Minute, 10*time.Minute - 1, 10 * time.Minute,
					time.Hour - 1, time.Hour} {
					<-time.After(at - time.Since(began))
					v.note(id, target)
					one, _ := v.admitted.Peek(id)
					one.at = began
					if got := v.settled(id); got != (at < tt.settled) {
						t.Errorf("after %v: settled %v", at, got)
					}
					extended := v.extend(id)
					if extended != (at < tt.grace) {
						t.Errorf("after %v: extended %v", at, extended)
					}
					if v.settled(id) != (extended || at < tt.settled) {
						t.Errorf("after %v: an extension that does not count", at)
					}
				}
			})
		})
	}
}

// TestVerdictsOfBlobs: each URL is a question of its own; what a request is called in a log makes none.
func TestVerdictsOfBlobs(t *testing.T) {
	var v verdicts
	v.init(nil) // it asks for no age
	seen := map[verdictID]string{}
	for _, raw := range []string{"/abc/d", "/abc/d?sig=a", "/abc/d?sig=b", "/abc/e?sig=a", "/abc/D?sig=a", "/abd/d?sig=a"} {
		target := signedBlob(t, raw)
		id := v.id(target)
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s are one question", other, raw)
		}
		seen[id] = raw
		target.Header = http.Header{"X-Ms-Client-Request-Id": {raw}, "X-Ms-Date": {raw}, "X-Ms-Version": {raw}, "Range": {raw}}
		if v.id(target) != id {
			t.Errorf("%s is another question when the request has a name", raw)
		}
		target.Header = http.Header{"Authorization": {"Bearer x"}}
		if v.id(target) == id {
			t.Errorf("%s is the same question with a token", raw)
		}
	}
}
