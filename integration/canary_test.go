package integration

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// canary is a secret that must show up nowhere.
type canary struct {
	name string
	sim.Secret
}

// flock is the canaries of a test, each of which goes another way into the program.
type flock []canary

func (f *flock) hatch(name string) sim.Secret {
	c := canary{name, sim.NewSecret("canary" + rand.Text())}
	*f = append(*f, c)
	return c.Secret
}

// seen returns the names of the canaries that a text holds, plain or in a usual coding. The text is not given back.
func (f flock) seen(text string) (names []string) {
	for _, c := range f {
		secret := c.Reveal()
		coded := base64.StdEncoding.EncodeToString([]byte(secret))
		for _, form := range []string{secret, strings.ToLower(secret), strings.ToUpper(secret), coded[:len(coded)-4],
			hex.EncodeToString([]byte(secret)), secret[6:]} {
			if strings.Contains(text, form) {
				names = append(names, c.name)
				break
			}
		}
	}
	return names
}

// expectClean fails the test when a text holds a canary. It returns how many bytes were searched.
func (f flock) expectClean(t testing.TB, where, text string) int {
	t.Helper()
	if names := f.seen(text); len(names) > 0 {
		t.Errorf("%s holds %q", where, names)
	}
	return len(text)
}

// TestCanarySearchFinds: the search that the test below relies on finds what is there.
func TestCanarySearchFinds(t *testing.T) {
	var birds flock
	secret := birds.hatch("one").Reveal()
	for _, text := range []string{secret, "x" + secret + "y", strings.ToLower(secret), hex.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte(secret))} {
		if len(birds.seen("…"+text+"…")) != 1 {
			t.Errorf("%q is not found", text)
		}
	}
	if names := birds.seen("nothing but canary"); len(names) > 0 {
		t.Errorf("found %q where nothing is", names)
	}
}

// TestCanary: secrets go into the program by every way that there is, and through success, refusal, refresh, timeout and
// stall. Then everything that the program lets out is searched for them, a dump of its goroutines included. A panic
// cannot be had from outside: TestCanaryPanic does that.
func TestCanary(t *testing.T) {
	t.Parallel()
	site := startSite(t, 5<<20+1)
	var birds flock
	file, handed, command := birds.hatch("token by file"), birds.hatch("token by the admin API"), birds.hatch("token by command")
	script := fileWith(t, "#!/bin/sh\nprintf %s '"+command.Reveal()+"'\n")
	must(t, os.Chmod(script, 0o700))
	config := "log: {level: debug}\nupstream: {ca_files: ['$DIR/ca.pem'], connect_timeout: 1s, response_timeout: 1s, stall_timeout: 1s, give_up_after: 2s, cool_down: 50ms}\n" +
		"token: {sources: [{type: request}, {type: task_sequence}, {type: file, file: '" + fileWith(t, file.Reveal()) + "'}"
	if runtime.GOOS != "windows" {
		config += ", {type: command, command: ['" + script + "'], timeout: 5s}"
	}
	b := startBox(t, site.CA, []*sim.DP{site.First, site.Second}, config+"]}\n")

	statuses := b.sing(t, site, &birds, file, handed, command)
	t.Log("answers by status, 0 for those cut off:", statuses)
	if statuses[200] == 0 || statuses[401] == 0 || statuses[502]+statuses[504] == 0 {
		t.Errorf("answers by status: %v: success, refusal and trouble should all be among them", statuses)
	}
	birds.searchAll(t, b, "setup/install.wim")
}

// searchAll searches everything that the program lets out, and ends it. The log is to hold the words, which shows that what was
// done is in it.
func (f flock) searchAll(t *testing.T, b *box, words ...string) {
	t.Helper()
	searched := f.searchAPI(t, b)
	for _, verb := range [][]string{{"config", "show"}, {"status"}, {"status", "--json"}, {"learn"}, {"ca", "show"}, {"ca", "export"}} {
		if _, err := os.Stat(filepath.Join(b.dir, "ca")); err != nil && verb[0] == "ca" {
			continue
		}
		searched += f.expectClean(t, strings.Join(verb, " "), b.run(append(verb, "--config", filepath.Join(b.dir, "branchpoint.yaml"))...))
	}
	b.dumpAndEnd(t)
	log := b.log.String()
	searched += f.expectClean(t, "the log and the goroutine dump", log)
	for _, path := range filesIn(t, b.dir, "") {
		if filepath.Base(path) == "ca.key" {
			continue
		}
		text, err := os.ReadFile(path)
		must(t, err)
		searched += f.expectClean(t, path, path+string(text))
	}
	for _, word := range words {
		if !strings.Contains(log, word) {
			t.Errorf("the log does not even have %q: the search proves nothing", word)
		}
	}
	t.Logf("%d secrets, %d bytes of log, metrics, answers, files and goroutines: no secret in them", len(f), searched)
}

// sing sends requests that carry or need secrets, and returns how they were answered.
func (b *box) sing(t *testing.T, site *sim.Site, birds *flock, file, handed, command sim.Secret) map[int]int {
	const audience = "default"
	path := "/sccm?/setup/install.wim"
	plain, protected := site.First.Location(sim.VdirPlain, app+".1")+path, site.First.Location(sim.VdirToken, app+".1")+path
	statuses := map[int]int{}
	ask := func(url, headers string) {
		t.Helper()
		conn := b.dialRaw()
		must(t, conn.SetDeadline(time.Now().Add(3*time.Second)))
		got, err := conn.ask(http.MethodGet, rawGet(url, headers))
		if err != nil {
			statuses[0]++ // cut off, or the client lost patience
			return
		}
		statuses[got.status]++
		birds.expectClean(t, "an answer to a client", fmt.Sprint(got.header)+string(got.body))
	}
	bearer := func(s sim.Secret) string { return "Authorization: Bearer " + s.Reveal() + "\r\n" }
	for _, good := range []sim.Secret{file, command, handed} {
		ask(plain, "Range: bytes=0-0\r\n") // 401, 403 or what is there, before the token is good
		site.Tokens.Accept(good, time.Now().Add(time.Hour))
		if good == handed {
			b.change(http.MethodPut, "/api/v1/tokens/"+audience, `{"token":"`+handed.Reveal()+`"}`)
		}
		ask(plain, "Range: bytes=0-99\r\n")
		site.Tokens.Accept(good, time.Now().Add(-time.Hour)) // expired: refused, and fetched anew
	}
	shown := birds.hatch("token of a client")
	ask(protected, bearer(shown))
	site.Tokens.Accept(shown, time.Now().Add(time.Hour))
	ask(protected, bearer(shown))
	ask(plain, "Authorization: Basic "+birds.hatch("Basic credentials").Reveal()+"\r\n")
	ask(plain, "Authorization: NTLM "+base64.StdEncoding.EncodeToString([]byte(birds.hatch("NTLM").Reveal()))+"\r\n")
	ask(plain, "Proxy-Authorization: Basic "+birds.hatch("proxy credentials").Reveal()+"\r\n")
	ask(plain, "Cookie: s="+birds.hatch("cookie").Reveal()+"\r\n")
	ask(site.Anonymous.URL("http")+"/anything?token="+birds.hatch("query of what is passed through").Reveal(), "")
	ask("http://127.0.0.1:1/gone?sig="+birds.hatch("query of a dead host").Reveal(), "")
	ask(site.First.Location(sim.VdirPlain, app+".1")+"/setup/install.wim?sig="+birds.hatch("query of content").Reveal(), "")
	ask(strings.Replace(plain, "http://", "http://user:"+birds.hatch("password in a URL").Reveal()+"@", 1), "")
	ask("ftp://x.invalid/?"+birds.hatch("query of a refused scheme").Reveal(), "")
	ask(plain, "Bad Header: "+birds.hatch("malformed header").Reveal()+"\r\n")
	b.singInTrouble(t, site, shown, ask)
	return statuses
}

// singInTrouble asks for files that are not in the cache while both DPs misbehave.
func (b *box) singInTrouble(t *testing.T, site *sim.Site, shown sim.Secret, ask func(url, headers string)) {
	for i, fault := range []sim.Fault{{Kind: sim.FaultSilence}, {Kind: sim.FaultStall, After: 1000}, {Kind: sim.FaultStatus, Status: 403},
		{Kind: sim.FaultStatus, Status: 500}, {Kind: sim.FaultReset, After: 10}} {
		var injected []*sim.Injected
		for _, dp := range []*sim.DP{site.First, site.Second} {
			in, err := dp.Faults.Inject(fault)
			must(t, err)
			injected = append(injected, in)
		}
		strikes, id := 0, fmt.Sprintf("PS1000%02d", i)
		_, err := site.Library.Publish(id, sim.FileSpec{Path: "a.cab", Size: 100_000})
		must(t, err)
		ask(site.First.Location(sim.VdirToken, id)+"/a.cab", "Authorization: Bearer "+shown.Reveal()+"\r\n")
		for _, in := range injected {
			strikes += in.Strikes()
			in.Lift()
		}
		if strikes == 0 {
			t.Errorf("the fault %v did not strike", fault.Kind)
		}
	}
}

// searchAPI searches everything that the admin listener says.
func (f flock) searchAPI(t *testing.T, b *box) (searched int) {
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/api/v1/status", "/api/v1/contents", "/api/v1/upstreams",
		"/api/v1/tokens", "/api/v1/learned", "/api/v1/nothing"} {
		_, text := b.get(path)
		searched += f.expectClean(t, path, text)
	}
	secret := f[0].Reveal() // a broken body must not come back either
	for _, body := range []string{`{"token":"` + secret, `{"` + secret + `":1}`, secret, `{"token":"` + secret + `","expires":"` + secret + `"}`} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, b.admin+"/api/v1/tokens/default", strings.NewReader(body))
		must(t, err)
		token, err := os.ReadFile(filepath.Join(b.dir, "admin.token"))
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		text, err := io.ReadAll(resp.Body)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode/100 != 4 {
			t.Errorf("a broken token body is answered with %s", resp.Status)
		}
		searched += f.expectClean(t, "the refusal of a broken body", string(text))
	}
	return searched
}

// run runs another verb of the program and returns all that it prints.
func (b *box) run(args ...string) string {
	b.t.Helper()
	out, err := exec.Command(binary, args...).CombinedOutput()
	if err != nil {
		b.t.Errorf("branchpoint %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// dumpAndEnd makes the program print its goroutines and end.
func (b *box) dumpAndEnd(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("Windows has no SIGQUIT: no goroutine dump is searched")
		return
	}
	must(t, b.cmd.Process.Signal(syscall.SIGQUIT))
	b.ended <- <-b.ended
	if !strings.Contains(b.log.String(), "goroutine ") {
		t.Error("there is no goroutine dump")
	}
}
