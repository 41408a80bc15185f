package site

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

// managementPoint answers messages as the facts have it: two parts of a multipart body, in UTF-16.
type managementPoint struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(body string) (reply string, status int) // an empty reply is the silent refusal
	bodies []string
}

func newManagementPoint(t *testing.T) *managementPoint {
	t.Helper()
	m := &managementPoint{}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *managementPoint) say(answer func(body string) (string, int)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answer = answer
}

func (m *managementPoint) count(root string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.bodies {
		if strings.HasPrefix(b, "<"+root) {
			n++
		}
	}
	return n
}

func (m *managementPoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	parts := multipart.NewReader(r.Body, params["boundary"])
	var body string
	for {
		p, err := parts.NextRawPart()
		if err != nil {
			break
		}
		b, _ := io.ReadAll(p)
		body = fromUTF16(b)
	}
	m.mu.Lock()
	m.bodies = append(m.bodies, body)
	answer := m.answer
	m.mu.Unlock()
	reply, status := answer(body)
	if status != http.StatusOK || reply == "" {
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(status)
		return
	}
	out := multipart.NewWriter(w)
	w.Header().Set("Content-Type", "multipart/mixed; boundary="+out.Boundary())
	for _, text := range []string{"\ufeff<Msg/>", reply + "\x00"} {
		part, _ := out.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/octet-stream"}})
		_, _ = part.Write(toUTF16(text))
	}
	_ = out.Close()
}

func fromUTF16(b []byte) string {
	var units []uint16
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, binary.LittleEndian.Uint16(b))
	}
	return strings.TrimRight(string(utf16.Decode(units)), "\x00")
}

func toUTF16(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// testKey is one key for all tests: to make one takes long.
var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// realClient is a client of package ccm with an identity of its own.
func realClient(t *testing.T, url string, token ccm.DPTokenSettings) *ccm.Client {
	t.Helper()
	key := testKey()
	der, err := ccm.NewCertificate(key, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	must(t, err)
	identity, err := ccm.NewIdentity(ccm.IdentityConfig{Key: key, Certificate: der, SMSID: testSMSID})
	must(t, err)
	transport, err := ccm.NewTransport(ccm.TransportConfig{})
	must(t, err)
	t.Cleanup(transport.CloseIdleConnections)
	c, err := ccm.New(ccm.Config{
		URL: url, SiteCode: "PS1", Host: "BOX01", Identity: identity, Transport: transport, DPToken: token,
		Message: ccm.MessageSettings{Raw: true, ReplyCompression: "none"},
	})
	must(t, err)
	return c
}

// newReal is a site with one way, by a client of package ccm.
func newReal(t *testing.T, m *managementPoint, token ccm.DPTokenSettings, retry time.Duration) *world {
	t.Helper()
	return newWorldOf(t, Config{RetryAfter: retry}, []Way{{Name: "mp", Client: realClient(t, m.URL, token)}})
}

const registered = `<ClientRegistrationResponse Status="0" ApprovalStatus="1"/>`

// TestRealClient plays a day with a client of package ccm: pending, approved, one token for all, away.
func TestRealClient(t *testing.T) {
	m := newManagementPoint(t)
	m.say(func(body string) (string, int) {
		if strings.HasPrefix(body, "<ClientRegistrationRequest") {
			return `<ClientRegistrationResponse Status="0" ApprovalStatus="0"/>`, 200
		}
		return "", 200
	})
	w := newReal(t, m, ccm.DPTokenSettings{}, time.Nanosecond)
	w.wants(t, pkg("PS100001"), "", "error", time.Minute)
	if got := w.Status(); got.Ways[0].State != "pending" || got.Registration.State != "pending approval" ||
		!strings.HasSuffix(got.Ways[0].LastError, "; registration: pending approval") {
		t.Fatalf("the status is %+v", got)
	}
	m.say(func(body string) (string, int) {
		if strings.HasPrefix(body, "<ClientRegistrationRequest") {
			return registered, 200
		}
		return passingReply("https://dp1/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100001", canary), 200
	})
	for !time.Now().After(w.state("mp").RetryAt) {
		runtime.Gosched() // the clock of some systems moves in steps
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { w.gives(t, "mp", "site", canary, time.Minute) })
	}
	all.Wait()
	if n := m.count("ContentLocationRequest"); n != 2 {
		t.Errorf("the site was asked %d times, want twice: one was refused", n)
	}
	w.wants(t, pkg("PS100001"), "", "dp1", time.Minute)
	if got := w.Check(t.Context()); got.Ways[0].State != "ok" || got.Registration.State != "registered" {
		t.Errorf("the status is %+v", got)
	}
	m.Close()
	w.wants(t, pkg("PS100002"), "", "error", time.Minute)
	if list, ok := w.Known(pkg("PS100001")); located(list) != "dp1" || !ok {
		t.Errorf("known is %q, %v", located(list), ok)
	}
	w.gives(t, "mp", "site", canary, time.Minute)
	if got := w.state("mp"); got.State != "unreachable" || got.Since.IsZero() {
		t.Errorf("the status is %+v", got)
	}
}

// TestRealDeliveries checks that tokens come through in the ways that a client knows, and that a refused one is forgotten by
// the client too.
func TestRealDeliveries(t *testing.T) {
	text := []string{"first" + canary, "second" + canary}
	for _, c := range []struct {
		name     string
		settings func(sts ccm.TokenSource) ccm.DPTokenSettings
		answer   string // to everything but questions about the registration
	}{
		{"with locations", func(ccm.TokenSource) ccm.DPTokenSettings { return ccm.DPTokenSettings{} }, passingReply("https://dp1/x", "{token}")},
		{"by the token manager", func(ccm.TokenSource) ccm.DPTokenSettings {
			return ccm.DPTokenSettings{Delivery: ccm.ByTokenManager}
		}, `<TokenReply Token="{token}"/>`},
		{"by the STS", func(sts ccm.TokenSource) ccm.DPTokenSettings {
			return ccm.DPTokenSettings{Delivery: ccm.BySTS, STS: sts}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, n := newManagementPoint(t), 0
			m.say(func(body string) (string, int) {
				if strings.HasPrefix(body, "<ClientRegistrationRequest") {
					return registered, 200
				}
				n++
				return strings.ReplaceAll(c.answer, "{token}", text[min(n-1, 1)]), 200
			})
			sts := &tokensInTurn{t: t, text: text}
			w := newReal(t, m, c.settings(sts), 0)
			first := w.gives(t, "mp", "site", text[0], time.Minute)
			w.Source("mp").(tokenbroker.Forgetter).Forget("site", first)
			w.gives(t, "mp", "site", text[1], time.Minute)
		})
	}
}

// tokensInTurn is a source that has another token when one was refused.
type tokensInTurn struct {
	t    *testing.T
	text []string
}

func (s *tokensInTurn) Token(context.Context) (ccm.Token, error) {
	return tokenOf(s.t, s.text[0], time.Hour), nil
}

func (s *tokensInTurn) Forget(t ccm.Token) {
	if t.Reveal() == s.text[0] {
		s.text = s.text[1:]
	}
}

// TestRealRefusals checks that what a server says reaches the status by its kind.
func TestRealRefusals(t *testing.T) {
	for status, want := range map[int]error{401: ccm.ErrExpired, 403: ccm.ErrForbidden, 500: ccm.ErrServer, 302: ccm.ErrRedirected, 200: ccm.ErrRefused} {
		m := newManagementPoint(t)
		m.say(func(string) (string, int) { return "", status })
		w := newReal(t, m, ccm.DPTokenSettings{}, 0)
		_, err := w.Locate(t.Context(), pkg("PS100001"), "")
		if !errors.Is(err, want) || w.state("mp").State != string(kindOf(want)) {
			t.Errorf("%d gives %v and the state %s", status, err, w.state("mp").State)
		}
	}
}
