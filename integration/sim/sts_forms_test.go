package sim

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// stsForm is one way of the exchange. {token} stands for the token that is shown.
type stsForm struct {
	set          STSSettings
	method, path string
	body         string
	header, text string // of the field that carries it
	read         func(h http.Header, body string) (token, expiry string)
	expiry       string // stated in the answer
}

func readText(_ http.Header, body string) (token, expiry string) { return body, "" }

func readHeaders(h http.Header, _ string) (token, expiry string) {
	return h.Get("CCMToken"), h.Get("CCMExpires")
}

func readReplyJSON(h http.Header, body string) (token, expiry string) {
	var doc struct {
		Token string
		D     struct{ Token, Expires string }
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		return err.Error(), ""
	}
	return doc.Token + doc.D.Token, doc.D.Expires + h.Get("X-Expires")
}

func readReplyXML(_ http.Header, body string) (token, expiry string) {
	var doc struct {
		Token struct {
			Expires string `xml:",attr"`
			Text    string `xml:",chardata"`
		}
	}
	if err := xml.Unmarshal([]byte(body), &doc); err != nil {
		return err.Error(), ""
	}
	return doc.Token.Text, doc.Token.Expires
}

// stsForms are forms of every kind. None is known to be that of a real one.
func stsForms(now time.Time) map[string]stsForm {
	ends := now.Add(8 * time.Hour).Truncate(time.Second).UTC()
	unix, left := strconv.FormatInt(ends.Unix(), 10), strconv.Itoa(int(ends.Sub(now)/time.Second))
	const auth, bearer = "Authorization", "Bearer {token}"
	return map[string]stsForm{
		"GET, body":   {STSSettings{}, "GET", "/CCM_STS", "", auth, bearer, readText, ""},
		"letter case": {STSSettings{}, "GET", "/ccm_sts", "", auth, bearer, readText, ""},
		"POST, header": {STSSettings{Method: "POST", Header: "CCMToken", Format: "{token}", Path: "/CCM_STS/token"},
			"POST", "/CCM_STS/token", "", "CCMToken", "{token}", readText, ""},
		"POST, body, JSON": {STSSettings{Carriage: CarryInBody, Reply: "json:d.token", Expiry: "json:d.expires", ExpiryForm: ExpiryTime},
			"POST", "/CCM_STS", "{token}\r\n", "", "", readReplyJSON, ends.Format("2006-01-02T15:04:05Z")},
		"form, XML": {STSSettings{Carriage: CarryInBody, Format: "token={token}&x=1", Reply: "xml:Reply/Token", Expiry: "xml:Reply/Token/@Expires"},
			"POST", "/CCM_STS", "token={token}&x=1", "", "", readReplyXML, unix},
		"CCM_POST, headers": {STSSettings{Method: "CCM_POST", Carriage: CarryInBody, Reply: "header:CCMToken", Expiry: "header:CCMExpires", ExpiryForm: ExpiryLeft},
			"CCM_POST", "/CCM_STS", "{token}", "", "", readHeaders, left},
		"JSON, expiry in the header": {STSSettings{Reply: "json:token", Expiry: "header:X-Expires"}, "GET", "/CCM_STS", "", auth, bearer, readReplyJSON, unix},
	}
}

func TestTokenServiceForms(t *testing.T) {
	s := newTestSTS(t, nil)
	forms := stsForms(s.entra.clock.Now())
	for name, tt := range forms {
		tt.set.Now = s.entra.clock.Now
		if err := s.Change(func(set *STSSettings) { *set = tt.set }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		fill := strings.NewReplacer("{token}", s.incoming())
		var header []string
		if tt.header != "" {
			header = []string{tt.header, fill.Replace(tt.text)}
		}
		resp, body := mustSend(t, s.http, tt.method, s.mp.URL("https")+tt.path, fill.Replace(tt.body), header...)
		token, expiry := tt.read(resp.Header, string(body))
		if resp.StatusCode != 200 || !s.good(token) || expiry != tt.expiry {
			t.Errorf("%s: %d %.80q, token good %v, expiry %q, want %q", name, resp.StatusCode, body, s.good(token), expiry, tt.expiry)
		}
	}
	device := s.entra.app.DeviceID
	if n := len(forms); s.Issued("") != n || s.Issued(strings.ToUpper(device)) != n || s.Exchanges()[STSExchange{Kind: "device", Holder: device}] != n {
		t.Errorf("exchanges %v", s.Exchanges())
	}
}
