package upstream

import (
	"fmt"
	"strings"
	"testing"

	"branchpoint/proxy/content"
)

func testDirectory(t *testing.T, cfg Config) *directory {
	t.Helper()
	cfg, err := cfg.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDirectory(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestHierarchy(t *testing.T) {
	d := testDirectory(t, Config{Locations: []Location{
		{Base: "http://DP1.lab", Hierarchy: "lab", Audience: "lab"},
		{Base: "http://dp2.lab:8080", TokenBase: "https://tokens.lab:444", Hierarchy: "lab2", Audience: "x"},
		{Base: "http://dp3.lab"},
		{Base: "http://127.0.0.1:5001", Hierarchy: "one"}, {Base: "http://127.0.0.1:5002", Hierarchy: "two"},
		{Base: "http://[::1]:5003", Hierarchy: "six"}, {Base: "http://[2001:DB8:0::1]:080", Hierarchy: "six"},
		{Base: "https://dp4.lab", Hierarchy: "safe"},
	}})
	for _, tt := range []struct{ at, want string }{
		{"http://dp1.lab:80", "lab"}, {"https://dp1.lab:443", "lab"}, // the second where a site was switched over
		{"http://dp1.lab:8081", "host:http:dp1.lab:8081"}, {"https://dp1.lab:8443", "host:https:dp1.lab:8443"},
		{"http://dp1.lab:443", "host:http:dp1.lab:443"}, {"https://dp1.lab:80", "host:https:dp1.lab:80"},
		{"http://dp2.lab:8080", "lab2"}, {"https://dp2.lab:8080", "host:https:dp2.lab:8080"}, {"http://dp2.lab:80", "host:http:dp2.lab:80"},
		{"https://tokens.lab:444", "lab2"}, {"http://tokens.lab:444", "host:http:tokens.lab:444"}, {"https://tokens.lab:443", "host:https:tokens.lab:443"},
		{"http://dp3.lab:80", ""},
		{"https://dp4.lab:443", "safe"}, {"http://dp4.lab:80", "host:http:dp4.lab:80"}, {"http://dp4.lab:443", "host:http:dp4.lab:443"},
		{"http://127.0.0.1:5001", "one"}, {"http://127.0.0.1:5002", "two"}, {"http://127.0.0.1:5003", "host:http:127.0.0.1:5003"},
		{"http://[::1]:5003", "six"}, {"https://[2001:db8::1]:443", "six"},
		{"http://lab:80", "host:http:lab:80"}, {"http://other:80", "host:http:other:80"}, {"https://other:443", "host:https:other:443"},
	} {
		scheme, host, _ := strings.Cut(tt.at, "://")
		if got := d.hierarchy(endpoint{scheme, host}); got != tt.want {
			t.Errorf("hierarchy of %s is %q, want %q", tt.at, got, tt.want)
		}
	}
}

func TestCandidates(t *testing.T) {
	d := testDirectory(t, Config{Locations: []Location{
		{Base: "http://a", Hierarchy: "lab"}, {Base: "http://b", Hierarchy: "lab"}, {Base: "http://c", Hierarchy: "lab"},
		{Base: "http://x", Hierarchy: "other"},
	}})
	id := content.ID{Hierarchy: "lab", Content: "ps100015", Path: "a"}
	order := func(host string, id content.ID) string {
		var names []string
		for _, loc := range d.candidates(d.named(content.Target{Scheme: "http", Host: host}), id, nil) {
			names = append(names, strings.TrimSuffix(loc.base.host, ":80"))
		}
		return strings.Join(names, " ")
	}
	check := func(when, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	check("the named one first", order("b:80", id), "b a c")
	check("not configured", order("y:80", content.ID{Hierarchy: "host:http:y:80", Content: "ps100015"}), "y")
	check("not configured, but said to be of the hierarchy", order("y:80", id), "y a b c")
	d.remember(id, d.configured[2])
	d.remember(id, d.configured[2])
	check("the one that served it second", order("b:80", id), "b c a")
	check("and for another file of it", order("b:80", content.ID{Hierarchy: "lab", Content: "ps100015", Path: "z"}), "b c a")
	check("but not for another content", order("b:80", content.ID{Hierarchy: "lab", Content: "ps100016"}), "b a c")
	d.remember(id, d.configured[3])
	check("never one of another hierarchy", order("b:80", id), "b c a")
}

func TestLearnedHostsAreBounded(t *testing.T) {
	d := testDirectory(t, Config{MaxLearned: 10})
	first := d.named(content.Target{Scheme: "http", Host: "h0:80"})
	if d.named(content.Target{Scheme: "http", Host: "h0:80"}) != first {
		t.Error("a host is learned twice")
	}
	for i := range 500 {
		d.named(content.Target{Scheme: "http", Host: fmt.Sprintf("h%d:80", i)})
	}
	if n := len(d.all()); n != 10 {
		t.Errorf("%d hosts are kept, want 10", n)
	}
	if last := d.all()[0].base.host; last != "h499:80" {
		t.Errorf("the first of them is %s, want the one that was named last", last)
	}
	labels := make(map[string]bool)
	for i := range 500 {
		labels[d.named(content.Target{Scheme: "http", Host: fmt.Sprintf("h%d:80", i)}).label] = true
	}
	if len(labels) != maxLabels+1 {
		t.Errorf("%d labels, want %d", len(labels), maxLabels+1)
	}
}
