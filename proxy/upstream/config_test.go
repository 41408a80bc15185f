package upstream

import (
	"strings"
	"testing"
	"time"

	"branchpoint/proxy/content"

	"github.com/prometheus/client_golang/prometheus"
)

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
		want []string
	}{
		{"negative numbers, all at once", Config{StallTimeout: -1, MaxLearned: -1, TokenEndpointPort: 65536},
			[]string{"StallTimeout", "MaxLearned", "TokenEndpointPort"}},
		{"cool-downs that contradict", Config{CoolDown: time.Minute, CoolDownMax: time.Second}, []string{"CoolDownMax"}},
		{"a Via with a line break", Config{Via: "1.1 a\r\nX: y"}, []string{"Via"}},
		{"no scheme", Config{Locations: []Location{{Base: "dp1.lab"}}}, []string{"location 1", "http://"}},
		{"a path", Config{Locations: []Location{{Base: "http://dp1.lab/x"}}}, []string{"location 1", "nothing else"}},
		{"a password", Config{Locations: []Location{{Base: "http://me:hunter2@dp1.lab"}}}, []string{"nothing else"}},
		{"no host", Config{Locations: []Location{{Base: "http://:80"}}}, []string{"no host"}},
		{"a bad port", Config{Locations: []Location{{Base: "http://dp1.lab:0"}}}, []string{"port"}},
		{"twice", Config{Locations: []Location{{Base: "http://dp1.lab"}, {Base: "HTTP://DP1.lab:80/"}}}, []string{"location 2", "twice"}},
		{"a hierarchy that looks learned", Config{Locations: []Location{{Base: "http://dp1.lab", Hierarchy: "host:x"}}}, []string{"host:"}},
		{"a token in clear", Config{Locations: []Location{{Base: "http://a", TokenBase: "http://a", Audience: "x"}}}, []string{"https"}},
		{"a token for nobody", Config{Locations: []Location{{Base: "http://a", TokenBase: "https://a"}}}, []string{"Audience"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.cfg)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not mention %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q tells the password", err)
			}
		})
	}
}

func TestTokenEndpointOfALocation(t *testing.T) {
	for _, tt := range []struct {
		name string
		loc  Location
		want string
	}{
		{"plain DP", Location{Base: "http://dp1:8080", Audience: "x"}, "https://dp1:444"},
		{"TLS DP", Location{Base: "https://dp1:8443", Audience: "x"}, "https://dp1:8443"},
		{"elsewhere", Location{Base: "http://dp1", TokenBase: "https://dp1.cloud", Audience: "x"}, "https://dp1.cloud:443"},
		{"no audience", Location{Base: "http://dp1"}, "://"},
	} {
		d := testDirectory(t, Config{TokenEndpointPort: 444, Locations: []Location{tt.loc}})
		if got := d.configured[0].token.String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestDefaults(t *testing.T) {
	cfg, err := Config{CoolDown: time.Hour}.withDefaults()
	if err != nil || cfg.CoolDownMax != time.Hour || cfg.HeaderTimeout != 15*time.Second || cfg.TokenVdirs[0] != content.TokenAuth {
		t.Errorf("defaults are %+v, %v", cfg, err)
	}
}

// A pool that fails to register leaves the metrics of another one alone, and one that is closed leaves room for the next.
func TestRegisteringMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	first, err := New(Config{Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Registerer: reg}); err == nil {
		t.Error("two pools share a registry")
	}
	if got, err := reg.Gather(); err != nil {
		t.Errorf("Gather: %v, %v", got, err)
	}
	first.Close()
	second, err := New(Config{Registerer: reg})
	if err != nil {
		t.Fatalf("after the first one was closed: %v", err)
	}
	second.Close()
}
