package ccm

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestSettings(t *testing.T) {
	good := Config{URL: "http://mp.example.org", SiteCode: "PS1", Host: "BOX01", Transport: roundTripper(nil)}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no URL": func(c *Config) { c.URL = "" }, "another scheme": func(c *Config) { c.URL = "ftp://mp" }, "no host": func(c *Config) { c.URL = "http://" },
		"password": func(c *Config) { c.URL = "http://u:" + canary + "@mp" }, "password in a broken URL": func(c *Config) { c.URL = "http://u:" + canary + "@mp:x" },
		"query": func(c *Config) { c.URL += "?x" }, "fragment": func(c *Config) { c.URL += "#x" },
		"no transport": func(c *Config) { c.Transport = nil }, "directory": func(c *Config) { c.Directory = "../x" }, "no site": func(c *Config) { c.SiteCode = "" },
		"site": func(c *Config) { c.SiteCode = "P$1" }, "no name": func(c *Config) { c.Host = "" }, "name": func(c *Config) { c.Host = "a b" },
		"timeout": func(c *Config) { c.Timeout = -1 }, "limit": func(c *Config) { c.MaxReply = -1 }, "reply compression": func(c *Config) { c.Message.ReplyCompression = "gzip" },
		"hash": func(c *Config) { c.Message.Hash = "md5" }, "authenticator": func(c *Config) { c.Authenticator.Form = "x" }, "token header": func(c *Config) { c.CCMTokenHeader.Format = "x" },
		"token over plain HTTP": func(c *Config) { c.CCMToken = &oneToken{} }, "internet flag": func(c *Config) { c.Registration.InternetFlag = 3 },
		"attribute": func(c *Config) { c.Location.Attributes = map[string]string{"a b": "x"} }, "delivery": func(c *Config) { c.DPToken.Delivery = "x" },
		"no STS": func(c *Config) { c.DPToken.Delivery = BySTS }, "decoding": func(c *Config) { c.DPToken.Decode = "x" }, "path": func(c *Config) { c.DPToken.Paths = []string{"/"} },
		"expiry path": func(c *Config) { c.DPToken.ExpiryPaths = []string{"@x"} }, "age": func(c *Config) { c.DPToken.MaxAge = -1 },
		"body": func(c *Config) { c.DPToken.Delivery, c.DPToken.Body = ByTokenServices, "<a>" },
	} {
		c := good
		change(&c)
		_, err := New(c)
		if err == nil {
			t.Errorf("%s: passes", name)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error holds the password: %v", name, err)
		}
	}
}

func TestSiteInformation(t *testing.T) {
	reply := `<SiteInfoReply SchemaVersion="1.00"><Sites><Site><SiteCode>PS1</SiteCode><DefaultMP>mp01.example.org</DefaultMP><Version>5.00.9128.1000</Version><BuildNumber>9128</BuildNumber>
 <Capabilities SchemaVersion="1.0"><Property Name="SSLState" Value="31"/></Capabilities>
 <Settings><ClientOperationalSettings><Version>1</Version><SecurityConfiguration><SecurityModeMask>0</SecurityModeMask><SecurityModeMaskEx>480</SecurityModeMaskEx><HTTPPort>80</HTTPPort><HTTPSPort>99999</HTTPSPort><CertificateStoreName/><CertificateSelectionCriteria/><CertificateSelectFirstFlag>0</CertificateSelectFirstFlag><SiteSigningCert>30</SiteSigningCert></SecurityConfiguration></ClientOperationalSettings></Settings></Site></Sites></SiteInfoReply>`
	s := newSite(t, func(received) string { return reply })
	client := testClient(t, s, func(c *Config) { c.Identity = nil })
	got, err := client.SiteInformation(t.Context())
	must(t, err)
	if got.Code != "PS1" || got.DefaultMP != "mp01.example.org" || got.Version != "5.00.9128.1000" || got.SSLState != 31 || got.HTTPPort != 80 || got.HTTPSPort != 0 || len(got.Unknown) != 0 {
		t.Errorf("got %+v", got)
	}
	m := s.messages()[0]
	if m.body != `<SiteInformationRequest SchemaVersion="1.00"><SiteCode Name="PS1"/></SiteInformationRequest>` || m.envelope.Hooks.Hook2.Name != "" {
		t.Errorf("asked with %s", m.body)
	}
	reply = `<SiteInfoReply/>`
	if _, err := client.SiteInformation(t.Context()); !errors.Is(err, ErrOtherSite) {
		t.Errorf("an answer without a site gives %v", err)
	}
	reply = `<SiteInfo/>`
	if _, err := client.SiteInformation(t.Context()); !errors.Is(err, ErrProtocol) {
		t.Errorf("an answer to something else gives %v", err)
	}
	s.answer = func(w http.ResponseWriter, _ received) (string, bool) {
		http.Error(w, "x", http.StatusForbidden)
		return "", false
	}
	if _, err := client.SiteInformation(t.Context()); !errors.Is(err, ErrForbidden) {
		t.Errorf("a site that forbids gives %v", err)
	}
}
