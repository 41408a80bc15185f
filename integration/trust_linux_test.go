package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"branchpoint/integration/sim"
)

// trustRig is a box that sees into the HTTPS of a DP which lets everybody in, and real clients of the box.
type trustRig struct {
	*rig
	tool
	url  string
	want []byte
}

func newTrustRig(t *testing.T) *trustRig {
	t.Helper()
	lib, f := library(t, 700_001)
	r := newRig(t, interceptWay, "", sim.DPConfig{
		Name: "dp1", Library: lib, Access: map[sim.Vdir]sim.Access{sim.VdirPlain: sim.AccessAnonymous},
	})
	s := &trustRig{rig: r, tool: tool{t, r.box, t.TempDir()}, want: make([]byte, f.Size)}
	s.url = r.dps[0].Location(sim.VdirPlain, app+".1") + "/" + f.Path
	_, err := f.ReadAt(s.want, 0)
	must(t, err)
	return s
}

// realClient is a program that downloads.
type realClient struct {
	name    string
	args    []string // to make a file "got" of the URL that follows
	trust   string   // the option for the file of a certificate authority
	refuses string   // what it says of a certificate that it does not trust
}

// expect has every client try, which is to succeed when it trusts the box and to speak of the certificate when it does not.
// The file with the authority is told to it when there is one.
func (s *trustRig) expect(t *testing.T, when, authority string, success bool) {
	t.Helper()
	got := filepath.Join(s.tool.dir, "got")
	for _, c := range []realClient{
		{"curl", []string{"-sS", "--fail", "-o", "got"}, "--cacert", "SSL certificate problem"},
		{"wget", []string{"-nv", "--tries=1", "-O", "got"}, "--ca-certificate", "is not trusted"},
		{"aria2c", []string{"--no-conf", "--max-tries=1", "--file-allocation=none", "--allow-overwrite=true", "--out=got"},
			"--ca-certificate", "not signed by known authorities"},
	} {
		args := c.args
		if authority != "" {
			args = append(args, c.trust, authority)
		}
		_ = os.Remove(got)
		out, err := s.try(c.name, append(args, s.url)...)
		data, _ := os.ReadFile(got)
		switch {
		case success && (err != nil || !bytes.Equal(data, s.want)):
			t.Errorf("%s, %s: %v, %d bytes, want %d:\n%.1000s", c.name, when, err, len(data), len(s.want), out)
		case !success && (err == nil || len(data) > 0 || !strings.Contains(out, c.refuses)):
			t.Errorf("%s, %s: %v, %d bytes, want it to refuse the certificate:\n%.1000s", c.name, when, err, len(data), out)
		}
	}
}

// expectSeen fails the test unless all of that came through the box's cache, and so was seen into.
func (s *trustRig) expectSeen(t *testing.T) {
	t.Helper()
	if sent := s.dps[0].Counters().Bytes(); sent != int64(len(s.want)) {
		t.Errorf("the DP sent %d bytes for a file of %d: clients went past the box, or it did not see into TLS", sent, len(s.want))
	}
}

// TestRealClientsTrust: curl, wget and aria2c download through interception when they are told of the authority, and refuse
// it when they are not, or of another one.
func TestRealClientsTrust(t *testing.T) {
	t.Parallel()
	s := newTrustRig(t)
	s.expect(t, "told of no authority", "", false)
	s.expect(t, "told of the site's", filepath.Join(s.rig.dir, "ca.pem"), false)
	s.expect(t, "told of the box's", filepath.Join(s.rig.dir, "ca", "ca.pem"), true)
	s.expectSeen(t)
	if refused := s.metric(`branchpoint_tls_handshakes_total{listener="forward",result="refused"}`); refused < 2 { // curl tells, the others just go
		t.Errorf("%.0f handshakes were refused, want 2", refused)
	}
}

// TestRealClientsTrustTheMachine: the same clients, told of nothing, download when the machine trusts the authority, and no
// longer when it does not.
func TestRealClientsTrustTheMachine(t *testing.T) {
	t.Parallel()
	if os.Getenv("BRANCHPOINT_REQUIRE") == "" || os.Getuid() != 0 {
		t.Skip("it changes which certificates this machine trusts; BRANCHPOINT_REQUIRE=1 and root allow that")
	}
	s := newTrustRig(t)
	ca := func(verb string) {
		out, err := exec.Command(binary, "ca", verb, "--config", filepath.Join(s.rig.dir, "branchpoint.yaml")).CombinedOutput()
		if err != nil {
			t.Errorf("ca %s: %v: %s", verb, err, out)
		}
	}
	lockMachineTrust(t)
	t.Cleanup(func() { ca("untrust") }) // also when it ends in the middle
	s.expect(t, "before", "", false)
	ca("trust")
	s.expect(t, "trusted by the machine", "", true)
	s.expectSeen(t)
	ca("untrust")
	s.expect(t, "no longer trusted", "", false)
}

// lockMachineTrust waits until no other test, of another package either, changes what this machine trusts: Debian's program
// is not made for two at once.
func lockMachineTrust(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "branchpoint-machine-trust.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	must(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
}

// TestChromiumTrusts: a browser downloads through interception when its list of authorities has that of the box, and refuses
// when it does not. On Linux it keeps a list of its own for each user.
func TestChromiumTrusts(t *testing.T) {
	t.Parallel()
	program(t, "chromium")
	certutil := program(t, "certutil")
	s := newTrustRig(t)
	browse := func(home string) ([]byte, error) {
		return startChromium(t, home, "MAP localhost ~NOTFOUND", "--proxy-server="+s.proxy.String(), "--proxy-bypass-list=<-loopback>").download(s.url)
	}
	if got, err := browse(t.TempDir()); err == nil || !strings.Contains(err.Error(), "ERR_CERT_AUTHORITY_INVALID") {
		t.Errorf("without trust: %d bytes, %v", len(got), err)
	}
	home := t.TempDir()
	list := filepath.Join(home, ".pki", "nssdb")
	must(t, os.MkdirAll(list, 0o700))
	do(t, certutil, "-d", "sql:"+list, "-N", "--empty-password")
	do(t, certutil, "-d", "sql:"+list, "-A", "-t", "C,,", "-n", "box", "-i", filepath.Join(s.rig.dir, "ca", "ca.pem"))
	if got, err := browse(home); err != nil || !bytes.Equal(got, s.want) {
		t.Errorf("with trust: %d bytes, want %d: they differ, or %v", len(got), len(s.want), err)
	}
	s.expectSeen(t)
}
