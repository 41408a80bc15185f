package sim

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSite(t *testing.T) {
	library, err := DemoLibrary(2 << 20)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	site, err := StartSite(SiteConfig{Library: library, LogTo: &log})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(site.CA.PEM())
	if cert, err := x509.ParseCertificate(block.Bytes); err != nil || !cert.IsCA || cert.Subject.CommonName != "SMS Issuing" {
		t.Errorf("the root: %v, %v", cert, err)
	}
	config := BITSConfig{ClientConfig: ClientConfig{Library: library, RootCAs: site.CA.Pool()}}
	token, account := config, config
	token.Token = site.Token
	account.Account = &site.Account
	var clients sync.WaitGroup
	for name, tt := range map[string]struct {
		config   BITSConfig
		location string
	}{
		"token at the first":    {token, site.First.Location(VdirToken, DemoPackage)},
		"token at the second":   {token, site.Second.Location(VdirToken, DemoApplication+".1")},
		"account at the first":  {account, site.First.Location(VdirPlain, DemoUpdate)},
		"account at the third":  {account, site.Windows.Location(VdirPlain, DemoPackage)},
		"nothing at the fourth": {config, site.Anonymous.Location(VdirPlain, DemoPackage)},
	} {
		client := newCCM(t, tt.config)
		clients.Go(func() {
			if r := client.Download(t.Context(), tt.location); r.Err != nil {
				t.Errorf("%s: %v", name, r.Err)
			}
		})
	}
	clients.Wait()
	if r := newCCM(t, config).Download(t.Context(), site.Locations(DemoPackage)[:5]...); r.Err == nil {
		t.Error("a client without token and account gets content")
	}
	if got := site.Counters.BytesBy(); len(got) != 4 || len(site.Locations(DemoPackage)) != 6 {
		t.Errorf("bytes by DP %v, locations %v", got, site.Locations(DemoPackage))
	}
	if err := site.Close(); err != nil {
		t.Error(err)
	}
	text := log.String() + fmt.Sprintf("%+v %#v %+v %v %#v %+v", token, site.Log.Entries(), site, site.Tokens, site.Tokens, *site)
	if strings.Contains(text, site.Token.Reveal()) || strings.Contains(text, site.Account.Password.Reveal()) {
		t.Error("a secret got into the log, or into a printed configuration")
	}
	if !strings.Contains(log.String(), `BRANCH\PC1$ 127.0.0.1 SMS+CCM+5.0 207 0 0`) {
		t.Errorf("log:\n%.2000s", log.String())
	}
}

func TestSiteWithACloud(t *testing.T) {
	library := newSmallLibrary(t)
	site, err := StartSite(SiteConfig{Library: library, Cloud: &CloudPlace{BlobLife: time.Minute}, Link: &LinkConfig{RTT: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close() //nolint:errcheck // nothing of it can fail
	client, err := NewCloudClient(CloudConfig{BITS: BITSConfig{ClientConfig: ClientConfig{Library: library, RootCAs: site.CA.Pool()}}})
	if err != nil {
		t.Fatal(err)
	}
	r := client.Download(t.Context(), site.Cloud.Locate(clientA, testPackage))
	if r.Err != nil || site.Counters.BytesBy()["storage"] != library.Versions(testPackage)[0].Size() {
		t.Errorf("%v, %v", r.Err, site.Counters.BytesBy())
	}
	for name, place := range map[string]Place{"address": {HTTPSAddr: "0.0.0.0:0"}, "taken": {HTTPSAddr: site.Cloud.Address("https")}} {
		if _, err := StartSite(SiteConfig{Library: library, Cloud: &CloudPlace{Service: place}}); err == nil {
			t.Errorf("%s: a second site starts there", name)
		}
	}
}

func TestCertificateNames(t *testing.T) {
	for i, name := range certificateNames() {
		var k CertificateKind
		if err := k.UnmarshalText([]byte(name)); err != nil || k != CertificateKind(i) {
			t.Errorf("%q is %d, %v", name, k, err)
		}
	}
	if new(CertificateKind).UnmarshalText([]byte("x")) == nil {
		t.Error("nonsense is a certificate")
	}
}

func TestCloseEndsClientsThatAreStuck(t *testing.T) {
	d := newTestDP(t, DPConfig{Library: newSmallLibrary(t)})
	in := inject(t, d, Fault{Kind: FaultStall, After: 1000})
	p, err := NewPlain(ClientConfig{Library: d.config.Library})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan Result, 1)
	go func() { done <- p.Get(t.Context(), d.Location(VdirPlain, testPackage)+"/setup.exe") }()
	<-in.Struck()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if r := <-done; r.Err == nil {
		t.Error("a body of a closed DP is complete")
	}
}

func TestClientGivesUpWhenItsContextEnds(t *testing.T) {
	d := newTestDP(t, DPConfig{Library: newSmallLibrary(t)})
	in := inject(t, d, Fault{Kind: FaultStall, After: 1000})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-in.Struck(); cancel() }()
	b := newBITS(t, d.config.Library, func(c *BITSConfig) { c.RetryDelay = time.Hour })
	if r := b.Download(ctx, d.Location(VdirPlain, testPackage)+"/setup.exe"); r.Err == nil || r.Took > 10*time.Second {
		t.Errorf("%v after %v", r.Err, r.Took)
	}
}

func TestFaultKindNames(t *testing.T) {
	for k := FaultStatus; k <= FaultKill; k++ {
		var back FaultKind
		text, err := k.MarshalText()
		if err != nil || back.UnmarshalText(text) != nil || back != k {
			t.Errorf("%d is %q is %d", k, text, back)
		}
	}
	if new(FaultKind).UnmarshalText([]byte("nonsense")) == nil {
		t.Error("nonsense is a fault")
	}
}
