package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// key adds the private key of the authority to the flock: the file's lines, and the secret number in every usual coding.
func (f *flock) key(t *testing.T, path string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Log("on Windows the key is encrypted by the system: it is not searched for")
		return
	}
	text, err := os.ReadFile(path)
	must(t, err)
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("the key of the authority is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(t, err)
	raw, err := parsed.(*ecdsa.PrivateKey).Bytes()
	must(t, err)
	f.keep("key of the authority, DER", string(block.Bytes))
	f.keep("key of the authority, number", string(raw))
	f.keep("key of the authority, decimal", new(big.Int).SetBytes(raw).String())
	f.keep("key of the authority, upper-case hex", fmt.Sprintf("%X", raw))
	f.keep("key of the authority, as Go prints bytes", strings.Trim(fmt.Sprint(raw), "[]"))
	for _, line := range strings.Split(string(text), "\n")[1:3] { // the rest is its public half
		f.keep("key of the authority, line of PEM", line)
	}
	for shift := range 3 { // whatever comes before it
		coded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), raw...))[2*shift : 40]
		f.keep("key of the authority, base64", coded)
		f.keep("key of the authority, base64 for URLs", strings.NewReplacer("+", "-", "/", "_").Replace(coded))
	}
}

// keep adds a secret that is there already.
func (f *flock) keep(name, secret string) { *f = append(*f, canary{name, sim.NewSecret(secret)}) }

// TestCanarySearchFindsKeys: a key is found in whatever form it is.
func TestCanarySearchFindsKeys(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if runtime.GOOS == "windows" {
		t.Skip("on Windows the key is encrypted by the system")
	}
	var birds flock
	birds.key(t, fileWith(t, string(text)))
	raw, err := key.Bytes()
	must(t, err)
	for _, form := range []string{
		string(text), string(der), fmt.Sprintf("%x", raw), fmt.Sprintf("%X", der), fmt.Sprint(raw), fmt.Sprint(new(big.Int).SetBytes(raw)),
		base64.StdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(append([]byte("x"), raw...)),
		base64.StdEncoding.EncodeToString(append([]byte("xx"), raw...)), base64.StdEncoding.EncodeToString(der),
	} {
		if len(birds.seen("…"+form+"…")) == 0 {
			t.Errorf("%q is not found", form)
		}
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	must(t, err)
	if names := birds.seen(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))); len(names) > 0 {
		t.Errorf("found %q in its public half", names)
	}
}

// TestCanaryInTLS: secrets go into the program inside TLS that it sees into, and as a gateway, through success, refusal, expiry
// and trouble. Then everything that it lets out is searched for them, and for the key of its certificate authority.
func TestCanaryInTLS(t *testing.T) {
	t.Parallel()
	lib, f := library(t, 3<<20+1)
	r := newRig(t, interceptWay, "log: {level: debug}\nupstream: {connect_timeout: 1s, response_timeout: 500ms, stall_timeout: 500ms, "+
		"give_up_after: 1s, cool_down: 50ms, failures_to_open: 1000}\n", sim.DPConfig{Name: "dp1", Library: lib})
	var birds flock
	birds.hatch("nothing") // what the search of the admin API sends itself
	statuses := map[int]int{}
	for i, w := range tokenWays() {
		s := &singer{rig: r.by(w), t: t, birds: &birds, statuses: statuses}
		s.sing(r.dps[0], f)
		s.singInTrouble(r.dps[0], lib, i)
	}
	t.Log("answers by status, 0 for those cut off:", statuses)
	for _, status := range []int{200, 401, 404, http.StatusMisdirectedRequest, 502} {
		if statuses[status] == 0 {
			t.Errorf("no answer has the status %d: success, all refusals and trouble should be among them", status)
		}
	}
	birds.key(t, filepath.Join(r.dir, "ca", "ca.key"))
	birds.searchAll(t, r.box, "setup/install.wim", "dp1-443", "CONNECT")
}

// singer is a client that carries secrets on one way.
type singer struct {
	*rig
	t        *testing.T
	birds    *flock
	statuses map[int]int
}

// ask sends a request, with a token when it is not empty, and searches the answer.
func (s *singer) ask(method, target string, token sim.Secret, header ...string) {
	s.t.Helper()
	s.rig.token = token
	client := s.client()
	client.Timeout = 5 * time.Second
	transport := client.Transport.(*shows)
	transport.ProxyConnectHeader = http.Header{"Proxy-Authorization": {"Basic " + s.birds.hatch(s.name+": for the proxy").Reveal()}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(s.t.Context(), method, target, strings.NewReader(""))
	must(s.t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := client.Do(req)
	if err != nil {
		s.statuses[0]++ // cut off, or the client lost patience
		return
	}
	defer resp.Body.Close()
	s.statuses[resp.StatusCode]++
	var body strings.Builder
	_ = resp.Write(&body) // what is cut short is searched as far as it came
	s.birds.expectClean(s.t, "an answer to a client", body.String())
}

// sing sends what a DP answers.
func (s *singer) sing(dp *sim.DP, f *sim.File) {
	hatch := func(name string) sim.Secret { return s.birds.hatch(s.name + ": " + name) }
	file, none := s.url(dp, app+".1", f.Path), sim.Secret{}
	good := hatch("good token")
	s.ask("GET", file, good) // before it is good
	s.tokens.Accept(good, time.Now().Add(time.Hour))
	s.ask("GET", file, good)
	s.ask("PROPFIND", s.location(dp, app+".1"), good)
	s.tokens.Accept(good, time.Now().Add(-time.Second))
	s.ask("GET", strings.Replace(file, app, strings.ToUpper(app), 1)+"?", good) // ended
	s.ask("GET", file, hatch("unknown token"))
	s.ask("GET", file, none, "Authorization", "Basic "+hatch("password").Reveal())
	windows := strings.Replace(file, "CCMTOKENAUTH_", "", 1)
	s.ask("GET", windows, none, "Authorization", "NTLM "+base64.StdEncoding.EncodeToString([]byte(hatch("login").Reveal())))
	s.ask("GET", file, none, "Cookie", "s="+hatch("cookie").Reveal())
	s.ask("GET", file, none, "X-Own", hatch("header of its own").Reveal())
	s.ask("GET", s.base(dp)+"/anything?token="+hatch("query of what is passed on").Reveal(), none)
	s.ask("GET", s.location(dp, app+".1")+"/"+f.Path+"?sig="+hatch("query of content").Reveal(), none)
	s.ask("POST", s.base(dp)+"/anything", none, "X-Body", hatch("header of a POST").Reveal())
	s.ask("GET", file, hatch("token for another host"), "Host", "other.branch.test")
}

// singInTrouble asks for files that are not in the cache while the DP misbehaves.
func (s *singer) singInTrouble(dp *sim.DP, lib *sim.Library, number int) {
	token := s.birds.hatch(s.name + ": token in trouble")
	s.tokens.Accept(token, time.Now().Add(time.Hour))
	for i, fault := range []sim.Fault{{Kind: sim.FaultSilence}, {Kind: sim.FaultStall, After: 1000}, {Kind: sim.FaultStatus, Status: 403},
		{Kind: sim.FaultStatus, Status: 500}, {Kind: sim.FaultReset, After: 10}} {
		id := fmt.Sprintf("PS10%02d%02d", number, i)
		_, err := lib.Publish(id, sim.FileSpec{Path: "a.cab", Size: 100_000})
		must(s.t, err)
		in, err := dp.Faults.Inject(fault)
		must(s.t, err)
		s.ask("GET", s.url(dp, id, "a.cab"), token)
		if in.Strikes() == 0 {
			s.t.Errorf("%s: the fault %v did not strike", s.name, fault.Kind)
		}
		in.Lift()
	}
}
