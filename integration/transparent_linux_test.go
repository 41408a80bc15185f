package integration

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// TestTransparent: clients that know nothing of the box get their content from it, because the router that it runs on
// redirects them. Everything is real: the network, the firewall with the file that we ship, the clients.
func TestTransparent(t *testing.T) {
	s := newTransparentSite(t)
	t.Run("gain", s.gain)
	t.Run("logins", s.logins)
	t.Run("others", s.others)
	t.Run("direct", s.direct)
	t.Run("crowd", s.crowd)
	t.Run("box dies", s.boxDies)
}

// transparentSite is a branch with a box on its router, and DPs behind the line.
type transparentSite struct {
	*branch
	box      *box
	library  *sim.Library
	dps      map[string]*sim.DP // by the family of their address
	ca       *sim.CA
	token    string // a file; over HTTPS the DPs want what is in it
	trusted  string // the file of the box's own certificate authority
	simsite  string // the program
	next     int    // number of the next address of the servers that is free
	contents int    // that were published
}

const (
	packageSize = 16 << 20
	fileSize    = 6_000_001 // about a second on the line
)

func newTransparentSite(t *testing.T) *transparentSite {
	program(t, "curl")
	s := &transparentSite{branch: newBranch(t), dps: map[string]*sim.DP{}, next: firstHost + 2}
	s.simsite = filepath.Join(t.TempDir(), "simsite")
	do(t, "go", "build", "-o", s.simsite, "branchpoint/cmd/simsite")
	var err error
	s.ca, err = sim.NewCA()
	must(t, err)
	s.library, err = sim.DemoLibrary(packageSize)
	must(t, err)
	tokens, err := sim.NewTokens(sim.TokensConfig{})
	must(t, err)
	s.token = fileWith(t, tokens.Issue(time.Hour).Reveal())
	var all []*sim.DP
	for family, address := range map[string]string{"IPv4": fmt.Sprint(wan4, firstHost), "IPv6": fmt.Sprint(wan6, firstHost+1)} {
		dp, err := sim.NewDP(sim.DPConfig{
			Name: family, Host: strings.ToLower(family) + ".branch.test", Library: s.library, CA: s.ca, AnyAddress: true,
			HTTPAddr: net.JoinHostPort(address, "80"), HTTPSAddr: net.JoinHostPort(address, "443"),
			Access: map[sim.Vdir]sim.Access{sim.VdirPlain: sim.AccessAnonymous, sim.VdirNoCert: sim.AccessWindows, sim.VdirToken: sim.AccessToken},
			Tokens: tokens, Accounts: []sim.Account{sim.DemoAccount()},
		})
		must(t, err)
		must(t, s.server.inside(dp.Start))
		t.Cleanup(func() { dp.Close() })
		s.name(address, strings.ToLower(family)+".branch.test")
		s.dps[family] = dp
		all = append(all, dp)
	}
	s.box = newBox(t, s.ca, all, redirectListener+"interception: {ca_directory: '$DIR/ca'}\n")
	s.trusted = filepath.Join(s.box.dir, "ca", "ca.pem")
	do(t, binary, "ca", "init", "--config", filepath.Join(s.box.dir, "branchpoint.yaml"))
	s.box.web = s.router.web()
	s.box.start(s.box.command(s.in(s.router)...))
	s.redirect(`"clients"`)
	return s
}

// redirect loads the file that we ship, and fills in its sets.
func (s *transparentSite) redirect(clients string) {
	s.t.Helper()
	const file = "../configs/deploy/nftables.conf"
	s.router.do("nft", "-c", "-f", file)
	s.router.do("nft", "-f", file)
	s.router.do("nft", fmt.Sprintf("add element inet branchpoint servers4 { %s%d-%[1]s%[3]d }", wan4, firstHost, lastHost))
	s.router.do("nft", fmt.Sprintf("add element inet branchpoint servers6 { %s%d-%[1]s%[3]d }", wan6, firstHost, lastHost))
	if clients != "" {
		s.router.do("nft", "add element inet branchpoint clients { "+clients+" }")
	}
}

// connections is how many have come to the box to be dealt with in a way.
func (s *transparentSite) connections(way string) float64 {
	s.t.Helper()
	return s.box.metric(`branchpoint_redirected_connections_total{listener="redirected",way="` + way + `"}`)
}

// inClient returns a command in the client's namespace.
func (s *transparentSite) inClient(name string, args ...string) *exec.Cmd {
	all := append(append(s.in(s.client), name), args...)
	return exec.Command(all[0], all[1:]...)
}

// curl downloads a file as curl does that nobody has told of the box, and compares it.
func (s *transparentSite) curl(t *testing.T, url string, f *sim.File) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "file")
	cmd := s.inClient("curl", "--cacert", s.trusted, "--header", "@"+s.header(t), "--silent", "--show-error", "--fail",
		"--max-time", "60", "--output", to, url)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s\n%s", cmd, err, out, s.box.log)
	}
	body, err := os.ReadFile(to)
	must(t, err)
	if at := f.Mismatch(body, 0); at >= 0 || int64(len(body)) != f.Size {
		t.Errorf("%s: %d bytes of %d, wrong from %d on", url, len(body), f.Size, at)
	}
}

// place is where a file is on the DP of a family, for a client that has the token if it comes by HTTPS.
func (s *transparentSite) place(family, scheme string, segment, path string) string {
	vdir := sim.VdirPlain
	if scheme == "https" {
		vdir = sim.VdirToken
	}
	return s.dps[family].Location(vdir, segment) + "/sccm?/" + path
}

// publish adds a content of one file to the DPs, and returns its name in URLs.
func (s *transparentSite) publish(t *testing.T) (*sim.File, string) {
	t.Helper()
	s.contents++
	v, err := s.library.Publish(fmt.Sprintf("Content_00000000-0000-0000-0000-%012d", s.contents), sim.FileSpec{Path: "file.cab", Size: fileSize})
	must(t, err)
	return v.Files()[0], v.Segment()
}

// gain: the second client gets the file from the cache, whichever way it comes. How much that gains is told in numbers.
func (s *transparentSite) gain(t *testing.T) {
	ways := [][2]string{{"IPv4", "http"}, {"IPv6", "http"}, {"IPv4", "https"}, {"IPv6", "https"}}
	for i, way := range ways {
		f, segment := s.publish(t)
		measure := func(family, scheme string) (time.Duration, int64) {
			t.Helper()
			before, begin := s.overTheLine(), time.Now()
			s.curl(t, s.place(family, scheme, segment, f.Path), f)
			return time.Since(begin), s.overTheLine() - before
		}
		cold, coldBytes := measure(way[0], way[1])
		warm, warmBytes := measure(way[0], way[1])
		other := ways[(i+3)%len(ways)]
		_, otherBytes := measure(other[0], other[1])
		t.Logf("gain, %s over %s: %d bytes in %.2f s with %d bytes over the line, then in %.2f s with %d: %.1f times as fast, %.2f%% of the line; "+
			"then by %s over %s with %d", way[1], way[0], f.Size, cold.Seconds(), coldBytes, warm.Seconds(), warmBytes,
			cold.Seconds()/warm.Seconds(), 100*float64(warmBytes)/float64(coldBytes), other[1], other[0], otherBytes)
		if coldBytes < f.Size || coldBytes > f.Size*115/100 {
			t.Errorf("the first download took %d bytes over the line", coldBytes)
		}
		if warmBytes > f.Size/50 || otherBytes > f.Size/50 {
			t.Errorf("what was in the cache took %d and %d bytes over the line", warmBytes, otherBytes)
		}
		if warm > cold/2 && !raceEnabled {
			t.Errorf("a hit took %v, the first download %v", warm, cold)
		}
	}
}

// logins: clients that prove who they are, by Windows authentication or by a token, get what they would get without the box.
func (s *transparentSite) logins(t *testing.T) {
	for _, family := range []string{"IPv4", "IPv6"} {
		s.fetch(t, "--client", "plain", "--login", s.dps[family].URL("http")+"/NOCERT_SMS_DP_SMSPKG$/"+sim.DemoPackage+".1/setup.exe")
		s.fetch(t, "--client", "bits", s.place(family, "https", sim.DemoPackage+".1", "data/files.cab"))
	}
	url := s.place("IPv4", "https", sim.DemoPackage+".1", "data/files.cab")
	for ca, want := range map[string]int{s.trusted: 22, filepath.Join(s.box.dir, "ca.pem"): 60} { // of curl: an error from HTTP; a certificate
		cmd := s.inClient("curl", "--cacert", ca, "--silent", "--fail", "--max-time", "20", "--output", "/dev/null", url)
		if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
			t.Errorf("%s without a token: %v, want exit status %d", cmd, err, want)
		}
	}
}

// header is the file with the header that shows the token.
func (s *transparentSite) header(t *testing.T) string {
	t.Helper()
	token, err := os.ReadFile(s.token)
	must(t, err)
	return fileWith(t, "Authorization: Bearer "+string(token))
}

// fetch has a simulated client of the site download in the client's namespace.
func (s *transparentSite) fetch(t *testing.T, args ...string) {
	t.Helper()
	cmd := s.inClient(s.simsite, append([]string{"fetch", "--size", fmt.Sprint(packageSize), "--ca-file", s.trusted, "--token", s.token}, args...)...)
	out, err := cmd.Output()
	var report struct {
		Verified bool
		Bytes    int64
		Seconds  float64
	}
	if json.Unmarshal(out, &report) != nil || err != nil || !report.Verified {
		t.Errorf("%s: %v: %.2000s\n%.2000s", cmd, err, out, s.box.log)
	}
}
