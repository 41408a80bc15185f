package upstream

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"branchpoint/proxy/content"
)

// siteDirectory has a hierarchy that is asked over http, one that is asked over TLS only, and one with a DP of each kind.
func siteDirectory(t *testing.T) *directory {
	return testDirectory(t, Config{Locations: []Location{
		{Base: "http://a", Hierarchy: "lab"}, {Base: "http://b", Hierarchy: "lab"},
		{Base: "https://s", Hierarchy: "safe"}, {Base: "https://t", Hierarchy: "safe"},
		{Base: "http://x", Hierarchy: "mixed"}, {Base: "https://y", Hierarchy: "mixed", Audience: "mixed"},
	}})
}

// idAt is a content as a client names it at a host, and the DP that it named.
func idAt(d *directory, base string) (*location, content.ID) {
	scheme, host, _ := strings.Cut(base, "://")
	host, _ = content.HostPort(scheme, host)
	t := content.Target{Scheme: scheme, Host: host}
	return d.named(t), content.ID{Hierarchy: d.hierarchy(endpoint{scheme, host}), Content: "ps100015", Path: "a"}
}

// sayAll is an answer of the site that names those bases. One that begins with "!" came over TLS.
func sayAll(text string) (list []Location) {
	for base := range strings.FieldsSeq(text) {
		base, secure := strings.CutPrefix(base, "!")
		list = append(list, Location{Base: base, Secure: secure})
	}
	return list
}

// names are the DPs without the ports that go without saying.
func names(list []*location) string {
	var out []string
	for _, loc := range list {
		out = append(out, strings.TrimPrefix(loc.base.scheme+"://"+hostHeader(loc.base), "http://"))
	}
	return strings.Join(out, " ")
}

func TestWhoStandsIn(t *testing.T) {
	for _, tt := range []struct{ name, at, said, want string }{
		{"nobody is named", "http://b", "", "b a"},
		{"others, in the order of the site, before the configured ones", "http://b", "http://n http://a https://m", "b n a https://m"},
		{"what is no DP, and one twice", "http://b", "ftp://n nonsense http://u:p@n http://n http://N:80/", "b n a"},
		{"a DP that is configured for another hierarchy", "http://b", "http://x http://n", "b n a"},
		{"http at a host that is configured for https only", "http://x", "http://y http://s https://n", "x https://n https://y"},
		{"over http, of a hierarchy that is asked over TLS only", "https://s", "https://n http://m", "https://s https://t"},
		{"over TLS, of such a hierarchy", "https://s", "!https://n !http://m", "https://s https://n https://t"},
		{"a host that is not configured, and is named", "http://n", "http://m http://n https://o", "n m https://o"},
		{"a host that is not configured, and is not named", "http://n", "http://m", "n"},
		{"the same, with a configured DP", "http://n", "http://n http://a http://x", "n a x"},
		{"an https host that is not configured, over http", "https://n", "https://n https://m http://o", "https://n"},
		{"an https host that is not configured, over TLS", "https://n", "!https://n !https://m https://o !http://p", "https://n https://m"},
		{"the same name at another port is another host", "http://n:8080", "http://n", "n:8080"},
		{"https at a host that is configured for http", "https://a", "https://m", "https://a https://m a b"},
	} {
		d := siteDirectory(t)
		named, id := idAt(d, tt.at)
		if got := names(d.candidates(named, id, d.party(sayAll(tt.said)))); got != tt.want {
			t.Errorf("%s: asked are %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestWhoIsTheNamedDP: what the site knows of it takes its place, unless that leads elsewhere on the word of an answer over http.
func TestWhoIsTheNamedDP(t *testing.T) {
	for _, tt := range []struct {
		name, at string
		said     Location
		is       bool
	}{
		{"http", "http://n", Location{Base: "http://n", Audience: "site"}, true},
		{"http, with a token endpoint elsewhere", "http://n", Location{Base: "http://n", TokenBase: "https://m", Audience: "site"}, true},
		{"the token endpoint of another name", "https://m", Location{Base: "http://n", TokenBase: "https://m", Audience: "site"}, true},
		{"https", "https://n", Location{Base: "https://n", Audience: "site"}, true},
		{"https, without an audience", "https://n", Location{Base: "https://n"}, true},
		{"https, with a token endpoint elsewhere", "https://n", Location{Base: "https://n", TokenBase: "https://m", Audience: "site"}, false},
		{"the same over TLS", "https://n", Location{Base: "https://n", TokenBase: "https://m", Audience: "site", Secure: true}, true},
		{"a configured one", "http://a", Location{Base: "http://a", Audience: "site"}, false},
		{"another one", "http://n", Location{Base: "http://m", Audience: "site"}, false},
	} {
		d := siteDirectory(t)
		named, id := idAt(d, tt.at)
		got := d.candidates(named, id, d.party([]Location{tt.said}))[0]
		if is := got != named; is != tt.is || is && got.audience != tt.said.Audience {
			t.Errorf("%s: its place is taken: %v, want %v", tt.name, is, tt.is)
		}
	}
}

// TestASiteIsForgotten as soon as it says so: its DPs have served the content, and are asked for it no more, nor for another one.
func TestASiteIsForgotten(t *testing.T) {
	d := siteDirectory(t)
	named, id := idAt(d, "http://b")
	site := d.party(sayAll("http://n http://m"))
	d.remember(id, site[1].location)
	if got := names(d.candidates(named, id, site)); got != "b m n a" {
		t.Errorf("asked are %q, want the one first that served it", got)
	}
	if got := names(d.candidates(named, id, nil)); got != "b a" {
		t.Errorf("asked are %q when the site names nobody any more", got)
	}
	other := id
	other.Content = "ps100016"
	d.remember(other, site[1].location)
	if got := names(d.candidates(named, other, nil)); got != "b a" {
		t.Errorf("for another content asked are %q", got)
	}
}

// TestASitesDPIsOne: it keeps what is known of it, as one that a client named before, or after.
func TestASitesDPIsOne(t *testing.T) {
	d := siteDirectory(t)
	learned, _ := idAt(d, "http://n")
	learned.health.failed(learned.health.since, "it was away")
	said := []Location{{Base: "http://n", Audience: "site"}}
	first := d.party(said)[0]
	switch again := d.party(said)[0]; {
	case first.location != again.location:
		t.Error("a DP that is named twice is two")
	case first.health != learned.health || first.slots == nil || first.slots != learned.slots:
		t.Error("what was known of it from a client is not known of it from the site")
	case first.token != endpoint{"https", "n:443"} || first.audience != "site":
		t.Errorf("its token endpoint is %v for %q", first.token, first.audience)
	}
	if shown := names(d.all()); shown != "a b https://s https://t x https://y n" {
		t.Errorf("shown are %q", shown)
	}
	if other := d.party([]Location{{Base: "http://n", Audience: "other"}})[0]; other.location == first.location {
		t.Error("the same host for another audience is the same DP")
	}
	named, id := idAt(d, "http://n")
	if got := d.candidates(named, id, d.party(said)); got[0] != first.location || len(got) != 1 {
		t.Errorf("asked are %d, want the one DP with its token endpoint", len(got))
	}
	var many []Location
	for i := range 10 * maxParty {
		many = append(many, Location{Base: fmt.Sprintf("http://h%d", i)})
	}
	if site := d.party(many); len(site) != maxParty || site[0].base.host != "h0:80" {
		t.Errorf("%d of one answer are taken", len(site))
	}
	for i := range 10 * d.cfg.MaxLearned {
		d.party([]Location{{Base: fmt.Sprintf("http://m%d", i)}})
	}
	if n := d.located.Len(); n != d.cfg.MaxLearned {
		t.Errorf("%d are remembered, want %d", n, d.cfg.MaxLearned)
	}
}

// TestReloadKeepsWhatASiteNamed: how it did, and that it served, unless it is configured now.
func TestReloadKeepsWhatASiteNamed(t *testing.T) {
	d := siteDirectory(t)
	named, id := idAt(d, "http://b")
	said := sayAll("http://n http://m http://a")
	site := d.party(said)
	d.remember(id, site[1].location)
	site[0].health.failed(site[0].health.since, "it was away")
	next := testDirectory(t, Config{Locations: []Location{{Base: "http://b", Hierarchy: "lab"}, {Base: "http://m", Hierarchy: "lab"}}})
	next.inherit(d)
	named, id = idAt(next, named.base.String())
	if got := names(next.candidates(named, id, next.party(said))); got != "b n m a" {
		t.Errorf("asked are %q", got)
	}
	heir := next.party(said)[0]
	if heir.health != site[0].health || !heir.located || cap(heir.slots) != next.cfg.MaxConnsPerHost {
		t.Error("how the DP did is forgotten")
	}
	if !slices.Contains(next.all(), heir.location) {
		t.Error("the DP is not shown")
	}
}
