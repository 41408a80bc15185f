package proxy_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"branchpoint/proxy"
)

// TestCanaryOfTheSite: tokens in messages, lists and their answers are for the client and the reader, and for no log or metric,
// whatever goes wrong.
func TestCanaryOfTheSite(t *testing.T) {
	w := newWitness()
	w.panic = true // with the answer for a value
	keys := &keyring{present: "X-Token"}
	s := newTrusting(t, options{config: proxy.Config{Reader: w, Keys: keys, SiteHosts: []string{"mp1:80", "cut:80", "cmg.in:443"}}})
	server := &siteServer{parts: []string{"<Token>" + canary, canary + "</Token>"}}
	s.start("mp1:80", server)
	refusing := newDP(0)
	refusing.answerWith(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Token") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		server.ServeHTTP(w, r)
	})
	s.startTLS("cmg.in:443", refusing, nil)
	s.rawServer("cut:80", func(c net.Conn) {
		head(c)
		fmt.Fprintf(c, "HTTP/1.1 200 %s\r\nContent-Type: %[1]s\r\nContent-Length: 1000\r\n\r\n%[1]s", canary)
	})
	list := cloudList + "&sig=" + canary
	post := "CCM_POST %s HTTP/1.1\r\nHost: mp1\r\nContent-Type: a/b; c=%s\r\nClientToken: %[2]s\r\nAuthorization: Bearer %[2]s\r\nContent-Length: %d\r\n\r\n%[2]s"
	shown := 0
	for _, host := range []string{"http://mp1", "http://cut", "http://nobody"} {
		got := s.raw().send(post, host+"/ccm_system/request?t="+canary, canary, len(canary)).answer("CCM_POST")
		got2 := s.raw().send("GET %s%s HTTP/1.1\r\nHost: mp1\r\nX-Token: %s\r\n\r\n", host, list, canary).answer("GET")
		if got.StatusCode == 200 && got.err == nil {
			shown++
		}
		for _, one := range []answer{got, got2} {
			if one.StatusCode >= 500 && strings.Contains(fmt.Sprint(one.Header, string(one.body)), canary) {
				t.Errorf("an answer of ours has it: %v %s", one.Header, one.body)
			}
		}
	}
	in := s.seenInto("cmg.in:443").send("GET %s HTTP/1.1\r\nHost: cmg.in\r\n\r\n", list)
	wantStatus(t, in.answer("GET"), 200)
	for range shown + 1 {
		w.next(t)
	}
	s.stop()
	families, err := s.metrics.Gather()
	s.must(err)
	if text := fmt.Sprint(families); strings.Contains(text, canary) || !strings.Contains(text, "site_exchanges") {
		t.Error("it is in the metrics, or nothing is")
	}
	if log := s.log.String(); strings.Contains(log, canary) || strings.Count(log, "a request panicked") != 2 {
		t.Errorf("it is in the log, or not everything is: %s", log)
	}
	if shown != 1 {
		t.Errorf("%d messages came through, want 1", shown)
	}
}
