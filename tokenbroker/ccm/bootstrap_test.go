package ccm

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const testMPList = `<MPList><MP Name="MP01.EXAMPLE.ORG" FQDN="mp01.example.org" SiteCode="PS1"><Version>9128</Version><Capabilities SchemaVersion="1.0"><Property Name="SSLState" Value="63"/></Capabilities></MP><MP New="1" Name="MP02"/><MP/></MPList>`

// documents is a server of documents without a network, which synctest needs.
type documents struct {
	mu     sync.Mutex
	asked  []*http.Request
	answer func(w http.ResponseWriter, r *http.Request) error
}

func (d *documents) RoundTrip(r *http.Request) (*http.Response, error) {
	d.mu.Lock()
	d.asked = append(d.asked, r)
	answer := d.answer
	d.mu.Unlock()
	w := httptest.NewRecorder()
	if err := answer(w, r); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func (d *documents) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.asked)
}

// serving answers with a status, a body and fields of the header.
func serving(status int, body string, fields ...string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, _ *http.Request) error {
		for i := 0; i+1 < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		w.WriteHeader(status)
		if body == "" {
			return nil
		}
		_, err := io.WriteString(w, body)
		return err
	}
}

func failing(http.ResponseWriter, *http.Request) error { return errors.New("no line") }

func testBootstrap(t *testing.T, d http.RoundTripper, change func(*BootstrapConfig)) *Bootstrap {
	t.Helper()
	config := BootstrapConfig{URL: "http://mp01.example.org", Transport: d}
	if change != nil {
		change(&config)
	}
	b, err := NewBootstrap(config)
	must(t, err)
	t.Cleanup(func() { must(t, b.Close()) })
	return b
}

func TestMPList(t *testing.T) {
	for name, body := range map[string]string{
		"UTF-8": testMPList, "with a mark": "\ufeff" + testMPList, "UTF-16": "\xff\xfe" + string(utf16le(testMPList, true)), "UTF-16 without a mark": string(utf16le(testMPList, false)),
	} {
		d := &documents{answer: serving(200, body)}
		got, from, err := testBootstrap(t, d, func(c *BootstrapConfig) { c.MPList = "MPLIST1&PS1" }).ManagementPoints(t.Context())
		if err != nil || from.Trouble != nil || time.Since(from.Fetched) > time.Minute {
			t.Fatalf("%s: %v, from %+v", name, err, from)
		}
		want := `{[{MP01.EXAMPLE.ORG mp01.example.org PS1 9128 63} {MP02    0}] [MPList/MP/@New]}`
		if fmt.Sprint(got) != want {
			t.Errorf("%s: got %v, want %s", name, got, want)
		}
		if url := d.asked[0].URL.String(); url != "http://mp01.example.org/SMS_MP/.sms_aut?MPLIST1&PS1" {
			t.Errorf("%s: asked %s", name, url)
		}
	}
}

func TestSiteKeys(t *testing.T) {
	der := testIdentity(t, "").Certificate()
	h := strings.ToUpper(hex.EncodeToString(der))
	b := testBootstrap(t, &documents{answer: func(w http.ResponseWriter, r *http.Request) error {
		body := map[string]string{
			"MPKEYINFORMATION": `<MPKEYINFORMATION><SITECODE>PS1</SITECODE><MACHINENAME>MP01</MACHINENAME><TRUSTEDROOTKEY>0602</TRUSTEDROOTKEY><MPCERTIFICATE signature="AB">` + h[:40] + "\r\n" + h[40:] + `</MPCERTIFICATE></MPKEYINFORMATION>`,
			"SITESIGNCERT":     `<Any><Other>0102</Other><Cert EncodingType="HexBinary">` + h + `</Cert></Any>`,
		}[r.URL.RawQuery]
		_, err := io.WriteString(w, body)
		return err
	}}, nil)
	keys, _, err := b.Keys(t.Context())
	must(t, err)
	if keys.Site != "PS1" || keys.Machine != "MP01" || !bytes.Equal(keys.Certificate.Raw, der) || !bytes.Equal(keys.TrustedRootKey, []byte{6, 2}) || fmt.Sprint(keys.Unknown) != "[MPKEYINFORMATION/MPCERTIFICATE/@signature]" {
		t.Errorf("got %s %s %x, unknown %q", keys.Site, keys.Machine, keys.TrustedRootKey, keys.Unknown)
	}
	certificate, _, err := b.SiteCertificate(t.Context())
	if err != nil || !bytes.Equal(certificate.Raw, der) {
		t.Errorf("the certificate of the site: %v", err)
	}
}

func TestBootstrapSettings(t *testing.T) {
	good := BootstrapConfig{URL: "http://mp.example.org", Transport: &documents{}}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for name, change := range map[string]func(*BootstrapConfig){
		"no URL": func(c *BootstrapConfig) { c.URL = "" }, "no transport": func(c *BootstrapConfig) { c.Transport = nil }, "query": func(c *BootstrapConfig) { c.MPList = "a b" },
		"directory": func(c *BootstrapConfig) { c.Directory = "a/b" }, "token over plain HTTP": func(c *BootstrapConfig) { c.CCMToken = &oneToken{} }, "ages": func(c *BootstrapConfig) { c.MaxAge, c.MaxStale = time.Hour, time.Minute },
		"timeout": func(c *BootstrapConfig) { c.Timeout = -1 }, "header": func(c *BootstrapConfig) { c.CCMTokenHeader.Header = " " }, "store": func(c *BootstrapConfig) { c.Store = filepath.Join(file, "x") },
	} {
		c := good
		change(&c)
		if b, err := NewBootstrap(c); err == nil {
			_ = b.Close()
			t.Errorf("%s: passes", name)
		}
	}
}
