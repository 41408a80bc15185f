package sim

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
)

func (m *testMP) document(t *testing.T, query string, header ...string) (*http.Response, *xmlNode) {
	t.Helper()
	resp, body := mustRequest(t, newHTTPClient(t, nil), "GET", m.URL("http"), "/SMS_MP/.sms_aut?"+query, header...)
	if resp.StatusCode != 200 {
		return resp, nil
	}
	n, err := readXML(string(body))
	if err != nil {
		t.Fatalf("%s: %q, %v", query, body, err)
	}
	return resp, n
}

func TestDocuments(t *testing.T) {
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) {
		c.Others = []ListedMP{{Name: "MP2", FQDN: "mp2.example.org", SiteCode: "XYZ", SSLState: 63}}
	})
	names := func(query string) (list []string) {
		_, n := m.document(t, query)
		if n == nil || n.name != "MPList" {
			t.Fatalf("%s: %v", query, n)
		}
		for _, mp := range n.children {
			list = append(list, mp.attr("Name")+"/"+mp.attr("FQDN")+"/"+mp.attr("SiteCode")+"/"+mp.at("Capabilities", "Property").attr("Value"))
		}
		return list
	}
	for query, want := range map[string]string{
		"MPLIST":      "MP1/localhost//0 MP2/mp2.example.org//63",
		"MPLIST1":     "MP1/localhost/PS1/0 MP2/mp2.example.org/XYZ/63",
		"mplist1&ps1": "MP1/localhost/PS1/0",
		"MPLIST1&XYZ": "MP2/mp2.example.org/XYZ/63",
		"MPLIST1&ABC": "",
		"MPLIST2&PS1": "MP1/localhost//0",
	} {
		if got := strings.Join(names(query), " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if resp, _ := m.document(t, "NOTHING"); resp.StatusCode != 404 {
		t.Errorf("a document that is not there: %d", resp.StatusCode)
	}
	if got := m.Tally.Requests(MPRequest{Directory: "sms_mp", Endpoint: ".sms_aut", Request: "MPLIST1"}); got != 4 {
		t.Errorf("MPLIST1 is counted %d times", got)
	}
}

func TestKeysOfTheSite(t *testing.T) {
	m := newTestMP(t, nil)
	_, keys := m.document(t, "MPKEYINFORMATION")
	_, media := m.document(t, "MPKEYINFORMATIONMEDIA")
	blob, err := hex.DecodeString(keys.value("TRUSTEDROOTKEY"))
	if err != nil || len(blob) != 276 || !bytes.HasPrefix(blob, []byte("\x06\x02\x00\x00\x00\xa4\x00\x00RSA1\x00\x08\x00\x00\x01\x00\x01\x00")) {
		t.Errorf("the trusted root key is %x, %v", blob, err)
	}
	if keys.value("SITECODE") != "PS1" || keys.value("MACHINENAME") != "MP1" || keys.at("UnknownMachines") != nil ||
		!guid.MatchString(media.at("UnknownMachines").attr("x64UnknownMachineGUID")) {
		t.Errorf("keys %v, for media %v", keys, media)
	}
	_, mp := m.document(t, "MPCERT")
	_, mp2 := m.document(t, "MPCERT2")
	_, site := m.document(t, "SITESIGNCERT")
	if site.attr("EncodingType") != "HexBinary" {
		t.Errorf("the site's certificate: %v", site)
	}
	for _, text := range []string{keys.value("MPCERTIFICATE"), mp.value("Certificate"), mp2.value("Certificate1"), mp2.value("Certificate2"), site.text} {
		der, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if err := cert.CheckSignatureFrom(m.ca.cert); err != nil {
			t.Error(err)
		}
	}
}

func TestListOfTheInternet(t *testing.T) {
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) { c.HTTPSAddr = "" })
	if resp, _ := m.document(t, "MPLIST2"); resp.StatusCode != 404 {
		t.Errorf("a management point for http only: %d", resp.StatusCode)
	}
}

func TestDocumentsAreKept(t *testing.T) {
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) {
		c.Bootstrap = http.Header{"cache-control": {"max-age=5"}, "ETag": {`"1"`}}
	})
	resp, _ := m.document(t, "MPLIST", "If-None-Match", `"0"`)
	if resp.StatusCode != 200 || resp.Header.Get("Cache-Control") != "max-age=5" || resp.Header.Get("ETag") != `"1"` {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if resp, _ := m.document(t, "MPLIST", "If-None-Match", `"1"`); resp.StatusCode != 304 || resp.Header.Get("Cache-Control") != "max-age=5" {
		t.Errorf("to who has it: %d %v", resp.StatusCode, resp.Header)
	}
	m.change(func(s *MPSettings) { s.Bootstrap = nil })
	if resp, _ := m.document(t, "MPLIST", "If-None-Match", `"1"`); resp.StatusCode != 200 || resp.Header.Get("Cache-Control") != "" {
		t.Errorf("without a header: %d %v", resp.StatusCode, resp.Header)
	}
}

// TestReplyStyles: what replies look like.
func TestReplyStyles(t *testing.T) {
	m := newTestMP(t, nil)
	c := m.caller("http", Machine{Name: "PC1"})
	for name, tt := range map[string]struct {
		style       ReplyStyle
		compression string
		parts       int
		zipped, bom bool
	}{
		"default":            {ReplyStyle{}, "zlib", 2, true, false},
		"not said":           {ReplyStyle{}, "-", 2, true, false},
		"none":               {ReplyStyle{}, "none", 2, false, false},
		"BOM":                {ReplyStyle{BOM: true}, "zlib", 2, true, true},
		"BOM, none":          {ReplyStyle{BOM: true}, "none", 2, false, true},
		"always zlib":        {ReplyStyle{Compression: "zlib"}, "none", 2, true, false},
		"never zlib":         {ReplyStyle{Compression: "none"}, "zlib", 2, false, false},
		"three parts":        {ReplyStyle{Parts: 3}, "zlib", 3, true, false},
		"one part":           {ReplyStyle{Parts: 1}, "zlib", 1, false, false},
		"boundary":           {ReplyStyle{Boundary: "aAbBcCdDv1234567890VxXyYzZ"}, "zlib", 2, true, false},
		"no CRLF at the end": {ReplyStyle{NoTrailer: true}, "zlib", 2, true, false},
	} {
		m.change(func(s *MPSettings) { s.Reply = tt.style })
		got := c.post(post{endpoint: "MP_LocationManager", body: siteInformation, compression: tt.compression})
		if got.parts != tt.parts || got.zipped != tt.zipped || got.hasBOM != tt.bom || tt.parts > 1 != strings.HasPrefix(got.body, "<SiteInfoReply") {
			t.Errorf("%s: %d parts, zipped %v, BOM %v, %q", name, got.parts, got.zipped, got.hasBOM, got.body)
		}
		if bytes.HasSuffix(got.raw, []byte("\r\n")) == tt.style.NoTrailer || !strings.Contains(got.header.Get("Content-Type"), tt.style.Boundary) {
			t.Errorf("%s: it ends in %q", name, got.raw[len(got.raw)-4:])
		}
	}
	if err := m.Change(func(s *MPSettings) { s.Reply.Parts = 9 }); err == nil || m.Settings().Reply.Parts == 9 {
		t.Errorf("nine parts: %v", err)
	}
}
