package sim

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
)

// TestClientsRefuseCertificates: nothing but a certificate of the pool that is in force and names the server is accepted,
// straight and through a tunnel.
func TestClientsRefuseCertificates(t *testing.T) {
	d, ca, tokens := newSecureDP(t, TokensConfig{})
	d.config.Library = newSmallLibrary(t)
	stranger, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	proxy, _ := newProxy(t)
	location := d.Location(VdirToken, testPackage)
	for name, tt := range map[string]struct {
		kind CertificateKind
		pool *x509.CertPool
		want string // in the error; empty: it works
	}{
		"good":           {CertificateGood, ca.Pool(), ""},
		"untrusted":      {CertificateUntrusted, ca.Pool(), "signed by unknown authority"},
		"expired":        {CertificateExpired, ca.Pool(), "expired"},
		"misnamed":       {CertificateMisnamed, ca.Pool(), "not 127.0.0.1"},
		"other pool":     {CertificateGood, stranger.Pool(), "signed by unknown authority"},
		"empty pool":     {CertificateGood, x509.NewCertPool(), "signed by unknown authority"},
		"system's pool":  {CertificateGood, nil, "signed by unknown authority"},
		"good once more": {CertificateGood, ca.Pool(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if err := d.SetCertificate(tt.kind); err != nil {
				t.Fatal(err)
			}
			for _, tunnelled := range []bool{false, true} {
				c := ClientConfig{Library: d.config.Library, RootCAs: tt.pool, Token: tokens.Issue(1 << 40)}
				if tunnelled {
					c.Proxy = proxy
				}
				checkRefusal(t, c, location, tt.want)
			}
		})
	}
	if err := d.SetCertificate(certificateKinds); err == nil {
		t.Error("there is a certificate of no kind")
	}
}

// checkRefusal wants every kind of client to be refused by TLS, or to succeed when want is empty.
func checkRefusal(t *testing.T, c ClientConfig, location, want string) {
	t.Helper()
	plain, err := NewPlain(c)
	if err != nil {
		t.Fatal(err)
	}
	bits := newBITS(t, c.Library, func(b *BITSConfig) { b.ClientConfig, b.MaxRetries = c, 1 })
	file := location + "/sccm?/setup.exe"
	for client, got := range map[string]error{
		"plain": plain.Get(t.Context(), file).Err, "BITS": bits.Download(t.Context(), file).Err,
		"CCM":           newCCM(t, BITSConfig{ClientConfig: c}).Download(t.Context(), location).Err,
		"task sequence": newTS(t, c).Download(t.Context(), location).Err,
	} {
		var bad *tls.CertificateVerificationError
		if want == "" && got != nil || want != "" && (!errors.As(got, &bad) || !strings.Contains(got.Error(), want)) {
			t.Errorf("%s, proxy %v: got %v, want %q in it", client, c.Proxy, got, want)
		}
	}
}

// TestCertificateDemand: the handshake asks for a client certificate while a directory wants one, and only then.
func TestCertificateDemand(t *testing.T) {
	d, ca, _ := newSecureDP(t, TokensConfig{})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for access, want := range map[Access]bool{AccessCertificate: true, AccessOff: false} {
			if err := d.SetAccess(VdirNoCert, access); err != nil {
				t.Fatal(err)
			}
			asked := false
			conn, err := tls.Dial("tcp", d.Address("https"), &tls.Config{
				RootCAs: ca.Pool(), MinVersion: version, MaxVersion: version,
				GetClientCertificate: func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
					asked = len(r.AcceptableCAs) > 0
					return &tls.Certificate{}, nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			if asked != want {
				t.Errorf("%s, access %d: asked is %v", tls.VersionName(version), access, asked)
			}
		}
	}
}

// TestClientShowsItsCertificate: with a certificate a client is let in, with another root's the handshake fails.
func TestClientShowsItsCertificate(t *testing.T) {
	d, ca, _ := newSecureDP(t, TokensConfig{})
	d.config.Library = newSmallLibrary(t)
	stranger, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	location := d.URL("https") + "/NOCERT_SMS_DP_SMSPKG$/" + testPackage
	for name, tt := range map[string]struct {
		issuer *CA
		ok     bool
	}{"the site's": {ca, true}, "a stranger's": {stranger, false}, "none": {nil, false}} {
		c := ClientConfig{Library: d.config.Library, RootCAs: ca.Pool()}
		if tt.issuer != nil {
			cert, err := tt.issuer.Issue("pc1.corp.example")
			if err != nil {
				t.Fatal(err)
			}
			c.Certificate = &cert
		}
		if r := newTS(t, c).Download(t.Context(), location); (r.Err == nil) != tt.ok {
			t.Errorf("%s certificate: %v", name, r.Err)
		}
	}
}
