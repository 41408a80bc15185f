package proxy_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"branchpoint/proxy"
)

// storage serves whoever has a signature that is good.
type storage struct {
	*fakeDP

	mu   sync.Mutex
	good map[string]bool
}

// refusedByStorage is how the storage refuses.
const refusedByStorage = "AuthenticationFailed, says the storage"

func (s *storage) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	good := s.good[r.URL.Query().Get("sig")]
	s.mu.Unlock()
	if !good {
		w.Header().Set("X-Ms-Error-Code", "AuthenticationFailed")
		http.Error(w, refusedByStorage, http.StatusForbidden)
		return
	}
	s.file(w, r)
}

func (s *storage) set(sig string, good bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.good[sig] = good
}

const blob = "http://acct.blob.test/ps100015-1/Setup/App.msi"

// newCloud is a site with a storage service of a megabyte and a bit.
func newCloud(t testing.TB, o options) (*site, *storage) {
	t.Helper()
	o.config.BlobHosts = []string{"*.blob.test"}
	s := newSite(t, o)
	st := &storage{fakeDP: newDP(1<<20 + 17), good: map[string]bool{"": true}}
	st.set("", false)
	st.answerWith(st.answer)
	s.start("acct.blob.test:80", st)
	return s, st
}

func signed(sig string) string {
	return blob + "?sv=2020-12-06&se=2999-12-31T00:00:00Z&sp=r&sig=" + sig
}

// TestBlobsAreSharedAndAskedFor: one download for all, and nothing for a client that the storage refuses, on listeners of every
// kind and for clients whose machine or network is trusted with everything else.
func TestBlobsAreSharedAndAskedFor(t *testing.T) {
	for name, l := range map[string]proxy.Listener{
		"machine": {Entitlement: proxy.Machine},
		"origin":  {Entitlement: proxy.Origin, Hosts: []string{"*.blob.test:80"}},
		"network": {Entitlement: proxy.Network, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
	} {
		t.Run(name, func(t *testing.T) {
			s, st := newCloud(t, options{listener: l})
			st.set("a", true)
			st.set("b", true)
			c := s.client()
			first := s.ask(c, "GET", signed("a"))
			wantBody(t, first, st.data)
			wantHeader(t, first.Header, "Cache-Status", miss)
			for _, sig := range []string{"b", "a", "b"} {
				got := s.ask(c, "GET", signed(sig), "X-Ms-Version: 2020-12-06")
				wantBody(t, got, st.data)
				wantHeader(t, got.Header, "Cache-Status", hit)
			}
			if gets, heads := len(st.requests("GET")), len(st.requests("HEAD")); gets != 1 || heads != 2 {
				t.Errorf("the storage had %d GETs and %d HEADs, want one download, and a question a client", gets, heads)
			}
			for _, target := range []string{blob, signed("forged"), signed("A"), blob + "?sig=a%20"} {
				for _, method := range []string{"GET", "HEAD"} {
					got := s.ask(c, method, target, "Range: bytes=0-99")
					wantStatus(t, got, http.StatusForbidden)
					wantHeader(t, got.Header, "X-Ms-Error-Code", "AuthenticationFailed")
					if method == "GET" && string(got.body) != refusedByStorage+"\n" {
						t.Errorf("%d bytes: %.60q", len(got.body), got.body)
					}
				}
			}
		})
	}
}

// TestStorageWithoutAVerdict: a storage that is away says nothing about a signed URL. What is on disk is then served to whoever is
// entitled to what our own tokens open, and to nobody else.
func TestStorageWithoutAVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		listener proxy.Listener
		want     int
	}{
		"machine": {proxy.Listener{Entitlement: proxy.Machine}, http.StatusOK},
		"origin":  {proxy.Listener{Entitlement: proxy.Origin, Hosts: []string{"*.blob.test:80"}}, http.StatusBadGateway},
		"network": {proxy.Listener{Entitlement: proxy.Network, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, http.StatusOK},
		"another network": {proxy.Listener{Entitlement: proxy.Network, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
			Hosts: []string{"*.blob.test:80"}}, http.StatusBadGateway},
	} {
		t.Run(name, func(t *testing.T) {
			s, st := newCloud(t, options{listener: c.listener})
			st.set("a", true)
			client := s.client()
			wantBody(t, s.ask(client, "GET", signed("a")), st.data)
			st.answerWith(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not now", http.StatusServiceUnavailable) })
			got := s.ask(client, "GET", signed("b"))
			wantStatus(t, got, c.want)
			if c.want == http.StatusOK {
				wantBody(t, got, st.data)
			}
		})
	}
}

// TestBlobURLIsTakenBack: what is on disk is given for as long as the word counts, and what is not ends the word.
func TestBlobURLIsTakenBack(t *testing.T) {
	s, st := newCloud(t, options{})
	st.set("a", true)
	c := s.client()
	got := s.ask(c, "GET", signed("a"), "Range: bytes=0-9")
	wantStatus(t, got, http.StatusPartialContent)
	st.set("a", false)
	wantStatus(t, s.ask(c, "GET", signed("a"), "Range: bytes=20-29"), http.StatusPartialContent)
	got = s.ask(c, "GET", signed("a"), "Range: bytes=1048576-")
	wantStatus(t, got, http.StatusForbidden)
	if string(got.body) != refusedByStorage+"\n" {
		t.Errorf("the refusal is %.60q", got.body)
	}
	got = s.ask(c, "GET", signed("a"), "Range: bytes=20-29")
	wantStatus(t, got, http.StatusForbidden)
	st.set("b", true)
	wantBody(t, s.ask(c, "GET", signed("b")), st.data)
}

// TestBlobsThatAreNotContent are passed on as they are, and never kept.
func TestBlobsThatAreNotContent(t *testing.T) {
	s, st := newCloud(t, options{})
	s.start("cmg.test:80", st)
	s.start("acct.blob.elsewhere:80", st)
	st.set("a", true)
	c := s.client()
	const accept = "Accept: */*"
	for _, tt := range []struct{ target, header string }{
		{signed("a") + "&snapshot=2026-01-02T03:04:05.1234567Z", accept},
		{signed("a") + "&rsct=text/html", accept},
		{signed("a") + "&comp=metadata", accept},
		{signed("a"), "X-Ms-Range: bytes=0-9"},
		{"http://acct.blob.test/one?sig=a", accept},
		{"http://acct.blob.elsewhere/ps100015-1/a?sig=a", accept},
		{"http://cmg.test/downloadrestservice.svc/getcontentxmlsecure?pid=PS100001&cid=PS100001&sig=a", accept},
		{"http://acct.blob.test/DOWNLOADRESTSERVICE.SVC/GetContentXmlSecure?pid=PS100001&cid=PS100001&sig=a", accept},
	} {
		for range 2 {
			before := len(st.requests())
			got := s.ask(c, "GET", tt.target, tt.header)
			wantBody(t, got, st.data)
			asked := st.requests()[before:]
			if _, raw, _ := strings.Cut(tt.target, ".test"); len(asked) != 1 || !strings.HasSuffix(tt.target, asked[0].target) {
				t.Errorf("%s: the server was asked %+v, want %s once", tt.target, asked, raw)
			}
		}
	}
	if kept := filesIn(t, s.dir); len(kept) > 0 {
		t.Errorf("kept: %q", kept)
	}
}

// TestBlobIsStoredInACoding: the client gets it as it is, each time, and whatever it accepts.
func TestBlobIsStoredInACoding(t *testing.T) {
	s, st := newCloud(t, options{})
	st.set("a", true)
	st.answerWith(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		st.answer(w, r)
	})
	c := s.client()
	for range 5 {
		for _, accept := range []string{"gzip", "identity"} {
			got := s.ask(c, "GET", signed("a"), "Accept-Encoding: "+accept)
			wantBody(t, got, st.data)
			wantHeader(t, got.Header, "Content-Encoding", "gzip")
			part := s.ask(c, "GET", signed("a"), "Accept-Encoding: "+accept, "Range: bytes=100-199")
			wantStatus(t, part, http.StatusPartialContent)
			wantHeader(t, part.Header, "Content-Encoding", "gzip")
			if !bytes.Equal(part.body, st.data[100:200]) {
				t.Errorf("%d bytes that are not those of the part", len(part.body))
			}
		}
	}
	if kept := filesIn(t, s.dir); len(kept) > 0 {
		t.Errorf("kept: %q", kept)
	}
}

// filesIn are the files of objects in a cache directory.
func filesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if ext := filepath.Ext(path); err == nil && (ext == ".rec" || ext == ".dat") {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestNoSignatureGetsOut: whatever becomes of a request, what a client shows in its query is in no line, number or file.
func TestNoSignatureGetsOut(t *testing.T) {
	const canary = "CANARY4d5e6f"
	s, st := newCloud(t, options{})
	c := s.client()
	for _, good := range []bool{true, false} {
		st.set(canary, good)
		for _, target := range []string{
			signed(canary), signed(canary) + "&snapshot=1",
			"http://acct.blob.test/abc/%3Fsig=" + canary, "http://acct.blob.test/abc%3Fsig=" + canary,
			"http://away.blob.test/abc/d?sig=" + canary, "http://away.test/downloadrestservice.svc/getcontentxmlsecure?sig=" + canary,
			"http://away.test/downloadrestservice.svc/getcontentxmlsecure%3Fsig=" + canary,
			"http://acct.blob.test:0/abc/d?sig=" + canary,
		} {
			s.ask(c, "GET", target, "Range: bytes=0-9")
		}
	}
	st.answerWith(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			fmt.Fprintf(conn, "HTTP/1.1 %s\r\n%s\r\n\r\n", r.RequestURI, r.RequestURI)
			conn.Close()
		}
	})
	s.ask(c, "GET", strings.Replace(signed(canary), "App", "App2", 1))
	s.ask(c, "GET", signed(canary)+"&comp=1")
	s.stop()
	log := s.log.String()
	families, err := s.metrics.Gather()
	s.must(err)
	all := log + fmt.Sprint(families)
	for _, name := range filesIn(t, s.dir) {
		text, err := os.ReadFile(name)
		s.must(err)
		all += name + string(text)
	}
	if i := strings.Index(all, canary); i >= 0 {
		t.Errorf("the signature got out: %s", all[max(0, i-300):min(len(all), i+100)])
	}
	if !strings.Contains(all, "Setup/App.msi") || !strings.Contains(log, "getcontentxmlsecure") {
		t.Error("neither the blob nor the manifest is named: this proves nothing")
	}
}

// TestBlobHostsAreSeenInto: as far as the authority covers them.
func TestBlobHostsAreSeenInto(t *testing.T) {
	s := newTrusting(t, options{config: proxy.Config{BlobHosts: []string{"*.blob.test"}}})
	st := &storage{fakeDP: newDP(1000), good: map[string]bool{"a": true}}
	st.answerWith(st.answer)
	s.startTLS("acct.blob.test:443", st, nil)
	_, target, _ := strings.Cut(signed("a"), ".blob.test")
	in := s.seenInto("acct.blob.test:443")
	get := func(target string) answer {
		return in.send("GET %s HTTP/1.1\r\nHost: acct.blob.test\r\n\r\n", target).answer("GET")
	}
	for _, want := range []string{miss, hit} {
		got := get(target)
		wantBody(t, got, st.data)
		wantHeader(t, got.Header, "Cache-Status", want)
	}
	forged := get(strings.Replace(target, "sig=a", "sig=b", 1))
	wantStatus(t, forged, http.StatusForbidden)
	if bytes.Contains(forged.body, st.data[:16]) {
		t.Error("a client that the storage refuses was given bytes")
	}
}
