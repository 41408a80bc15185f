package sim

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestGatewayFilters(t *testing.T) {
	g := newTestGateway(t, func(c *GatewayConfig) { c.MaxBody = 100 })
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
	}{
		"message":           {"CCM_POST", "/CCM_Proxy_MutualAuth/7/ccm_system/request", strings.Repeat("x", 100), 200},
		"token directory":   {"CCM_POST", "/CCM_Proxy_MutualAuth/7/ccm_system_tokenauth/request", "x", 200},
		"HEAD":              {"HEAD", "/CCM_Proxy_MutualAuth/7/SMS_MP/.sms_aut?MPLIST", "", 200},
		"leading zero":      {"GET", "/CCM_Proxy_MutualAuth/007/SMS_MP/.sms_aut?MPLIST", "", 200},
		"too long":          {"CCM_POST", "/CCM_Proxy_MutualAuth/7/ccm_system/request", strings.Repeat("x", 101), 413},
		"windowsauth":       {"CCM_POST", "/CCM_Proxy_MutualAuth/7/ccm_system_windowsauth/request", "x", 403},
		"content":           {"GET", "/CCM_Proxy_MutualAuth/7/SMS_DP_SMSPKG$/PS100015", "", 403},
		"up and away":       {"GET", "/CCM_Proxy_MutualAuth/7/SMS_MP/%2e%2e/AdminService", "", 403},
		"another verb":      {"PROPFIND", "/CCM_Proxy_MutualAuth/7/SMS_MP/", "", 405},
		"unknown MP":        {"GET", "/CCM_Proxy_MutualAuth/8/SMS_MP/.sms_aut?MPLIST", "", 404},
		"number too large":  {"GET", "/CCM_Proxy_MutualAuth/99999999999999999999/SMS_MP/.sms_aut", "", 403},
		"nothing":           {"GET", "/", "", 404},
		"another directory": {"GET", "/CCM_Client/ccmsetup.cab", "", 404},
		"no content here":   {"GET", manifestPath + "?pid=PS100015", "", 404},
	} {
		if resp, _ := mustSend(t, g.known, tt.method, g.URL("https")+tt.path, tt.body); resp.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, tt.status)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "CCM_POST", g.MutualAuth(7)+"/ccm_system/request", io.MultiReader(strings.NewReader("x")))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := g.known.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing of it is read
	if resp.StatusCode != http.StatusLengthRequired {
		t.Errorf("without a length: %d", resp.StatusCode)
	}
}

// TestGatewayForwards: what a client sends arrives as it was, and so does the answer.
func TestGatewayForwards(t *testing.T) {
	g := newTestGateway(t, nil)
	g.mp.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", `multipart/mixed; boundary="b"`)
		w.Header().Set("ETag", `"5"`)
		_, _ = io.WriteString(w, "answered")
	})
	resp, body := mustSend(t, g.known, "CCM_POST", g.MutualAuth(7)+"/ccm_system/request", "--b\r\n\x00\xff", "X-Kept", "yes", "X-Vouched", "certificate:of-somebody-else")
	if string(body) != "answered" || resp.Header.Get("ETag") != `"5"` || !strings.HasPrefix(resp.Header.Get("Content-Type"), "multipart") {
		t.Errorf("answer %q %v", body, resp.Header)
	}
	if want := "CCM_POST|/ccm_system/request|" + g.how + "|yes|--b\r\n\x00\xff"; g.mp.last() != want {
		t.Errorf("it saw %q, want %q", g.mp.last(), want)
	}
	g.ask(g.http, "/ccm_proxy_serverauth/7/SMS_MP/.sms_aut?MPKEYINFORMATION", "X-Ccm", g.token)
	if want := "GET|/SMS_MP/.sms_aut?MPKEYINFORMATION|ccmtoken:unknown||"; g.mp.last() != want {
		t.Errorf("it saw %q, want %q", g.mp.last(), want)
	}
}

// TestGatewayStatuses: what the management point says, in the words of the connector.
func TestGatewayStatuses(t *testing.T) {
	g := newTestGateway(t, nil)
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		path   string
		want   string
	}{
		"unauthorized":  {status(401, ""), "ccm_system/request", "401 CMGConnector_Unauthorized"},
		"certificate":   {status(403, "403.7 - Forbidden"), "ccm_system/request", "403 CMGConnector_Clientcertificaterequired"},
		"forbidden":     {status(403, "403.4"), "ccm_system/request", "403 CMGConnector_Forbidden"},
		"failing":       {status(503, ""), "ccm_system/request", "500 CMGConnector_InternalServerError"},
		"not found":     {status(404, ""), "SMS_MP/.sms_x", "404 Not Found"},
		"not modified":  {status(304, ""), "SMS_MP/.sms_aut", "304 Not Modified"},
		"redirected":    {status(302, ""), "CCM_STS", "302 Found"},
		"token refused": {status(401, "PreAuth token validation failed"), "CCM_STS", "401 Unauthorized"},
		"STS failing":   {status(500, ""), "CCM_STS", "500 CMGConnector_InternalServerError"},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
		}, "ccm_system/request", "500 CMGConnector_InternalServerError"},
	} {
		g.mp.answers(tt.answer)
		if got := g.ask(g.known, "/CCM_Proxy_MutualAuth/7/"+tt.path); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	g.mp.answers(status(401, "PreAuth token validation failed"))
	if _, body := mustSend(t, g.known, "GET", g.MutualAuth(7)+"/CCM_STS", ""); string(body) != "PreAuth token validation failed" {
		t.Errorf("the token service says %q", body)
	}
	g.mp.Close()
	if got := g.ask(g.known, "/CCM_Proxy_MutualAuth/7/SMS_MP/.sms_aut?MPLIST"); got != "500 CMGConnector_InternalServerError" {
		t.Errorf("away: %s", got)
	}
}

func status(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}
