package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchpoint/integration/sim"
)

// reloadSite is a site whose configuration can be written in many ways.
type reloadSite struct {
	t        *testing.T
	dir      string
	dps      []*spiedDP // one root, one token
	counters []*sim.Counters
	// other has another root, and takes the same token in another header.
	other *spiedDP
	files []*sim.File
}

const restOfFile = "# the rest changes\n"

// newReloadSite makes a site that has so many files, each of a content of its own.
func newReloadSite(t *testing.T, files int) *reloadSite {
	t.Helper()
	s := &reloadSite{t: t, dir: t.TempDir()}
	lib := sim.NewLibrary()
	for i := range files {
		v, err := lib.Publish(reloadContent(i), sim.FileSpec{Path: "a/b.cab", Size: 4<<20 + int64(i)*10_007})
		must(t, err)
		f, _ := v.File("a/b.cab")
		s.files = append(s.files, f)
	}
	var cas [3]*sim.CA
	for i := range cas {
		ca, err := sim.NewCA()
		must(t, err)
		cas[i] = ca
		must(t, os.WriteFile(s.pem(i), ca.PEM(), 0o600))
	}
	tokens, err := sim.NewTokens(sim.TokensConfig{})
	must(t, err)
	others, err := sim.NewTokens(sim.TokensConfig{Header: "X-Site-Token", Format: "T {token}"})
	must(t, err)
	secret := tokens.Issue(time.Hour)
	others.Accept(secret, time.Now().Add(time.Hour))
	must(t, os.WriteFile(filepath.Join(s.dir, "token"), []byte(secret.Reveal()), 0o600))
	for i := range 3 {
		s.counters = append(s.counters, sim.NewCounters())
		s.dps = append(s.dps, newSpiedDP(t, fmt.Sprintf("dp%d", i+1), lib, cas[0], tokens, s.counters[i], secret))
	}
	s.other = newSpiedDP(t, "other", lib, cas[1], others, sim.NewCounters(), secret)
	return s
}

func reloadContent(i int) string { return fmt.Sprintf("Content_00000000-0000-0000-0000-%012d", i) }

// target is how a client asks a distribution point for a file.
func (s *reloadSite) target(dp *spiedDP, i int) string {
	return dp.http.URL + "/SMS_DP_SMSPKG$/" + reloadContent(i) + ".1/sccm?/a/b.cab"
}

func (s *reloadSite) pem(i int) string { return filepath.Join(s.dir, fmt.Sprintf("ca%d.pem", i)) }

// box starts a box that knows the site.
func (s *reloadSite) box() *reloader {
	s.t.Helper()
	b := newBox(s.t, nil, nil, restOfFile+"cache: {}\n")
	r := &reloader{box: b, file: filepath.Join(b.dir, "branchpoint.yaml")}
	text, err := os.ReadFile(r.file)
	must(s.t, err)
	r.head, _, _ = strings.Cut(string(text), restOfFile)
	r.head += restOfFile
	must(s.t, os.WriteFile(r.file, []byte(r.head+s.good(0)), 0o600))
	b.start(b.command())
	return r
}

// config is the rest of a configuration: n makes a difference in whatever else can be reloaded.
func (s *reloadSite) config(n int, roots []int, header string, dps ...*spiedDP) string {
	var files []string
	for _, i := range roots {
		files = append(files, "'"+s.pem(i)+"'")
	}
	var y strings.Builder
	fmt.Fprintf(&y, "cache: {directory: '%s', min_free_bytes: %d, max_bytes: %dGiB, parallel_windows: %d, window_bytes: %dMiB}\n",
		filepath.Join(s.dir, "cache"), n%2, 4+n%3, 1+n%2, 1+n%2)
	fmt.Fprintf(&y, "upstream: {ca_files: [%s], cool_down: 100ms, give_up_after: %ds, stall_timeout: %ds, max_connections_per_host: %d}\n",
		strings.Join(files, ", "), 10+n%2, 15+n%4, 32+n%3)
	fmt.Fprintf(&y, "token: {sources: [{type: file, file: '%s'}], max_age: %dh, credential_headers: [X-More-%d], %s}\n",
		filepath.Join(s.dir, "token"), 1+n%5, n%2, header)
	fmt.Fprintf(&y, "entitlement: {verdict_age: %dm}\ntunnel_idle_timeout: %dm\nmanagement_points: [mp%d]\ndistribution_points:\n", n%3, 1+n%3, n%7)
	for _, dp := range dps {
		y.WriteString(dp.entry())
	}
	return y.String()
}

// good is a configuration with which every client can be served.
func (s *reloadSite) good(n int) string {
	dps := [][]*spiedDP{s.dps, {s.dps[1], s.dps[0], s.dps[2]}, s.dps[:2]}[n%3]
	return s.config(n, [][]int{{0}, {0, 2}}[n%2], "header_name: Authorization", dps...)
}

// bad is for every tenth of the reloads a configuration that is wrong, and that would serve nobody.
func (s *reloadSite) bad(n int) string {
	switch n % 20 {
	case 4, 13:
		return s.config(n, []int{2, 9}, "header_name: X-Nobody", s.other) // there is no such file
	case 9, 18:
		return s.config(n, []int{2}, "header_name: X-Nobody, nonsense: 1", s.other)
	}
	return ""
}

// expectTokens wants tokens to have been shown where they belong, and nowhere else.
func (s *reloadSite) expectTokens() {
	s.t.Helper()
	right := 0
	for _, dp := range append(s.dps, s.other) {
		right += dp.secure.right
		if wrong := append(dp.plain.wrong, dp.secure.wrong...); len(wrong) > 0 {
			s.t.Errorf("%s was shown tokens where they do not belong: %q", dp.Name(), wrong)
		}
	}
	if right == 0 {
		s.t.Error("no token was shown")
	}
}

// removed: a distribution point that was removed is not asked, even when all others are dead; when it is there again, it is.
func (s *reloadSite) removed(r *reloader, file int) {
	s.t.Helper()
	target := s.target(s.dps[0], file)
	r.accepted(s.config(0, []int{0}, "header_name: Authorization", s.dps[0], s.dps[1]), true)
	s.dps[0].kill()
	s.dps[1].kill()
	before := s.counters[2].Requests("")
	if status := r.status(target); status < 500 {
		s.t.Errorf("all are dead, and the status is %d", status)
	}
	if n := s.counters[2].Requests("") - before; n > 0 {
		s.t.Errorf("a removed distribution point was asked %d times", n)
	}
	r.accepted(s.config(0, []int{0}, "header_name: Authorization", s.dps...), true)
	_, err := download(s.t.Context(), r.client(), target, s.files[file], 0, -1)
	must(s.t, err)
}

// newRoot: a distribution point is of use when its root is known and its token comes in the right header, and not before.
func (s *reloadSite) newRoot(r *reloader, file int) {
	s.t.Helper()
	target := s.target(s.other, file)
	for _, tt := range []struct {
		roots  []int
		header string
	}{{[]int{0}, "header_name: Authorization"}, {[]int{1}, "header_name: Authorization"}, {[]int{1}, "header_name: X-Site-Token"}} {
		r.accepted(s.config(1, tt.roots, tt.header, s.other), false)
		if status := r.status(target); status == http.StatusOK {
			s.t.Errorf("with the roots %v and %s the status is %d", tt.roots, tt.header, status)
		}
	}
	r.accepted(s.config(1, []int{1}, `header_name: X-Site-Token, header_format: "T {token}"`, s.other), false)
	eventually(s.t, 20*time.Second, "the token is let in", func() bool { return r.status(target) == http.StatusOK })
	_, err := download(s.t.Context(), r.client(), target, s.files[file], 0, -1)
	must(s.t, err)
}
