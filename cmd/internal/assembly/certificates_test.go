package assembly

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchpoint/configs"
	"branchpoint/proxy/authority"
)

const gateways = `
distribution_points: [{url: "http://dp1"}]
listeners:
  - {name: plain, address: ":80", kind: gateway, distribution_point: dp1}
  - {name: named, address: ":443", kind: gateway, distribution_point: dp1, tls: {names: [alias, 127.0.0.1]}}
  - {name: other, address: ":444", kind: gateway, distribution_point: dp1, tls: {names: [elsewhere]}}
  - {name: files, address: ":445", kind: gateway, distribution_point: dp1, tls: {certificate_file: DIR/a.pem, key_file: DIR/a.key}}
`

// withAuthority returns a configuration whose directory has an authority for dp1, the alias and 127.0.0.1.
func withAuthority(t *testing.T, text string) (*configs.Config, *authority.Authority) {
	t.Helper()
	dir := t.TempDir()
	names, err := authority.ParseNames([]string{"dp1", "alias", "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, "ca")
	if _, err := authority.Create(ca, names); err != nil {
		t.Fatal(err)
	}
	c := parse(t, strings.ReplaceAll(text, "DIR", filepath.ToSlash(dir))+"interception: {ca_directory: '"+ca+"'}\n")
	a, err := newAuthority(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, a
}

func TestAuthority(t *testing.T) {
	var log bytes.Buffer
	tell := slog.New(slog.NewTextHandler(&log, nil))
	c := parse(t, "interception: {ca_directory: '"+t.TempDir()+"'}")
	a, err := newAuthority(c)
	if a != nil || err != nil {
		t.Errorf("without an authority: %v, %v", a, err)
	}
	tellOfAuthority(c, a, tell)
	if !strings.Contains(log.String(), "HTTPS is tunnelled and not seen into") {
		t.Errorf("the log says %s", log.String())
	}
	c, _ = withAuthority(t, gateways)
	log.Reset()
	if a, err = newAuthority(c); a == nil || err != nil {
		t.Fatalf("with an authority: %v, %v", a, err)
	}
	tellOfAuthority(c, a, tell)
	if !strings.Contains(log.String(), "names=elsewhere") {
		t.Errorf("the log says %s", log.String())
	}
	if err := os.WriteFile(filepath.Join(c.Interception.CADirectory, "ca.key"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a, err := newAuthority(c); a != nil || err == nil || !strings.HasPrefix(err.Error(), "loading the certificate authority: ") {
		t.Errorf("with a broken authority: %v, %v", a, err)
	}
}

func TestCertificate(t *testing.T) {
	c, a := withAuthority(t, gateways)
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	shown := func(l configs.Listener, hello *tls.ClientHelloInfo) string {
		show, err := readShown(l, a)
		if err != nil {
			t.Fatal(err)
		}
		of := show.certificate(l.TLS.Names)
		if of == nil {
			return "nothing"
		}
		pair, err := of(hello)
		if err != nil {
			t.Fatal(err)
		}
		if len(pair.Leaf.DNSNames) > 0 {
			return pair.Leaf.DNSNames[0]
		}
		return pair.Leaf.IPAddresses[0].String()
	}
	to := func(address string) net.Conn { return local{ours, address} }
	if got := shown(c.Listeners[0], nil); got != "nothing" {
		t.Errorf("a plain gateway shows %s", got)
	}
	for _, tt := range []struct {
		name  string
		hello *tls.ClientHelloInfo
		want  string
	}{
		{"by name", &tls.ClientHelloInfo{ServerName: "alias"}, "alias"},
		{"in capitals", &tls.ClientHelloInfo{ServerName: "ALIAS."}, "alias"},
		{"by another name", &tls.ClientHelloInfo{ServerName: "dp1"}, "alias"},
		{"by address", &tls.ClientHelloInfo{Conn: to("127.0.0.1:443")}, "127.0.0.1"},
		{"by another address", &tls.ClientHelloInfo{Conn: to("10.0.0.1:443")}, "alias"},
	} {
		if got := shown(c.Listeners[1], tt.hello); got != tt.want {
			t.Errorf("%s: %s is shown, want %s", tt.name, got, tt.want)
		}
	}
	for _, tt := range []struct {
		listener int
		a        *authority.Authority
		want     string
	}{
		{1, nil, "listener named: there is no certificate authority to make a certificate for alias; run `branchpoint ca init`"},
		{2, a, "listener other: the certificate authority does not cover elsewhere; `branchpoint ca rotate` makes one that does"},
		{3, a, "listener files: reading its certificate: "},
	} {
		if _, err := readShown(c.Listeners[tt.listener], tt.a); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

// local is a connection whose near end has an address of the test's own.
type local struct {
	net.Conn
	address string
}

func (l local) LocalAddr() net.Addr {
	at, err := net.ResolveTCPAddr("tcp", l.address)
	if err != nil {
		panic(err)
	}
	return at
}
