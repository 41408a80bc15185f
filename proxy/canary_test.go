package proxy_test

import (
	"io"
	"net/http"
	"runtime/pprof"
	"strings"
	"testing"

	"branchpoint/proxy"
)

const canary = "CANARY-0123456789"

// TestCanary sends a secret wherever a client may have one, along every path, and looks for it where it must not be.
func TestCanary(t *testing.T) {
	for _, entitlement := range []proxy.Entitlement{proxy.Machine, proxy.Origin} {
		t.Run(string(entitlement), func(t *testing.T) {
			s := newSite(t, options{listener: proxy.Listener{Entitlement: entitlement}})
			dp := newDP(2 << 20)
			s.start("dp1:80", dp)
			var dump strings.Builder
			pprofNow := func() { pprof.Lookup("goroutine").WriteTo(&dump, 2) }
			dp.answerWith(func(w http.ResponseWriter, r *http.Request) {
				pprofNow()
				switch kind := r.Header.Get("X-Kind"); {
				case kind == "refused":
					w.WriteHeader(http.StatusForbidden)
				case kind == "echo": // the DP sends it back, in a place that is not HTTP
					conn, _, _ := w.(http.Hijacker).Hijack()
					io.WriteString(conn, "HTTP/1.1 "+canary+"\r\n"+canary+"\r\n\r\n")
					conn.Close()
				case kind == "cut" && r.Method == "GET":
					w.Header().Set("Content-Length", "1000000")
					io.WriteString(w, "short")
				case kind == "broken":
					w.WriteHeader(http.StatusInternalServerError)
				default:
					dp.file(w, r)
				}
			})
			var said strings.Builder
			for _, kind := range []string{"served", "refused", "echo", "cut", "broken"} {
				for _, target := range []string{versioned + kind, mutable + kind, "http://dp1/SMS_MP/x?token=" + canary,
					"http://nobody/x?token=" + canary, "http://" + canary + "@dp1/x", "http://dp1/SMS_DP_SMSPKG$/PS100015.3/?" + canary} {
					for _, method := range []string{"GET", "HEAD", "POST"} {
						c := s.raw().send("%s %s HTTP/1.1\r\nHost: dp1\r\nX-Kind: %s\r\nAuthorization: Bearer %s\r\nProxy-Authorization: Basic %[4]s\r\n"+
							"X-Token: %[4]s\r\nCookie: a=%[4]s\r\nContent-Length: 17\r\n\r\n%[4]s", method, target, kind, canary)
						got := c.answer(method)
						said.Write(got.body)
						for name, values := range got.Header {
							said.WriteString(name + strings.Join(values, ""))
						}
					}
				}
			}
			s.raw().send("CONNECT dp1:443 HTTP/1.1\r\nHost: x\r\nX-Token: %s\r\n\r\n", canary).answer("CONNECT")
			s.raw().send("GET http://dp1/%%zz%s HTTP/1.1\r\n%[1]s\r\n\r\n", canary).answer("GET")
			s.stop()
			families, err := s.metrics.Gather()
			s.must(err)
			var metrics strings.Builder
			for _, f := range families {
				metrics.WriteString(f.String())
			}
			for where, text := range map[string]string{"log": s.log.String(), "metrics": metrics.String(), "answers": said.String(), "dump": dump.String()} {
				if i := strings.Index(text, canary); i >= 0 {
					t.Errorf("it is in the %s: %.400s", where, text[max(0, i-200):])
				}
				if text == "" {
					t.Errorf("nothing to be looked at: %s", where)
				}
			}
			if holds(t, s.dir, canary) {
				t.Error("it is in the cache directory")
			}
		})
	}
}
