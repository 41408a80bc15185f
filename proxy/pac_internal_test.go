package proxy

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode"
)

func TestHostAndPort(t *testing.T) {
	for given, want := range map[string]string{
		"box:8080":           "box:8080",
		"Box.Example.com:80": "Box.Example.com:80",
		"wpad":               "wpad:80", // port 80, and the client leaves it out
		"my_box:8080":        "my_box:8080",
		"10.0.0.5:8080":      "10.0.0.5:8080",
		"[2001:db8::5]:8080": "[2001:db8::5]:8080",
		"[2001:db8::5]":      "[2001:db8::5]:80",

		"": "", ":8080": "", "box:": "", "box:0": "", "box:65536": "", "box:080": "", "box:80x": "", "box:-1": "", "box:8080:1": "",
		"2001:db8::5": "", "[box]:8080": "", "[fe80::1%eth0]:80": "", "[::1": "", "box; PROXY evil:80": "", `box";alert(1);//:80`: "",
		"user@box:80": "", "box/x:80": "", "böx:80": "", "box%20:80": "", "box\n:80": "", strings.Repeat("x", 254) + ":80": "",
	} {
		if got, ok := hostAndPort(given); ok != (want != "") || ok && got != want {
			t.Errorf("hostAndPort(%q) = %q, %v, want %q", given, got, ok, want)
		}
	}
}

// TestPACRules: a request that we would refuse must not come to us, for it would not be tried again straight.
func TestPACRules(t *testing.T) {
	office := []string{"dp1:80", "dp1:443", "dp2:8080", "*.blob.example.com", "any", "[::1]:80"}
	for name, c := range map[string]struct {
		listener Listener
		served   []string
		want     []pacRule
	}{
		"nothing": {Listener{AnyHost: true, ConnectPorts: []string{"443"}}, nil, nil},
		"every destination": {
			Listener{AnyHost: true, ConnectPorts: []string{"443"}, PointedHosts: []string{"DP1", "*.Blob.example.com"}}, nil,
			[]pacRule{{"*.blob.example.com", nil, []string{"443"}}, {"dp1", nil, []string{"443"}}},
		},
		"no tunnels": {Listener{AnyHost: true, PointedHosts: []string{"dp1"}}, nil, []pacRule{{"dp1", nil, nil}}},
		"only the ports that are served": {
			Listener{Hosts: office, ConnectPorts: []string{"443", "8443"}, PointedHosts: []string{"dp1", "dp2", "any", "::1"}}, nil,
			[]pacRule{{"::1", []string{"80"}, nil}, {"any", nil, []string{"443", "8443"}}, {"dp1", []string{"80", "443"}, []string{"443"}},
				{"dp2", []string{"8080"}, nil}},
		},
		"what is not served is left out": {
			Listener{Hosts: office, PointedHosts: []string{"dp3", "*.example.com", "*.blob.example.com", ""}}, []string{"dp4", "any"},
			[]pacRule{{"*.blob.example.com", nil, nil}, {"any", nil, nil}},
		},
		"served before, and named twice": {
			Listener{AnyHost: true, PointedHosts: []string{"dp1"}}, []string{"dp9", "DP1."}, []pacRule{{"dp1", nil, nil}, {"dp9", nil, nil}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Proxy{config: Config{Served: func() []string { return c.served }}}
			if got := p.pacRules(&c.listener); !reflect.DeepEqual(got, c.want) {
				t.Errorf("the rules are %+v, want %+v", got, c.want)
			}
		})
	}
}

// FuzzPACScript: whatever a name is made of, it is read back as that name, and the rest of the script is what it always is.
func FuzzPACScript(f *testing.F) {
	for _, name := range []string{"dp1.example.com", "*.blob.core.windows.net", "", `"`, `\`, `"];}//`, "\n", "\u2028", "</script>", "ö", "𝄞",
		"\x81\"", "${x}", "'", "`", `%s%!d`, "\x00", "*/", "\\u0022"} {
		f.Add(name, "dp2", "box:8080")
	}
	f.Fuzz(func(t *testing.T, one, two, address string) {
		script := pacScript(address, []pacRule{{one, nil, []string{"443"}}, {two, []string{"80", "8080"}, nil}})
		if strings.ContainsFunc(script, func(r rune) bool { return r > unicode.MaxASCII || r < ' ' && r != '\n' }) {
			t.Errorf("the script has characters that are read differently:\n%q", script)
		}
		fixed := strings.Split(pacForm, "%s")
		inner, ok := strings.CutPrefix(script, fixed[0])
		inner, end := strings.CutSuffix(inner, fixed[2])
		rules, answer, middle := strings.Cut(inner, fixed[1])
		if !ok || !end || !middle {
			t.Fatalf("the script has another form:\n%s", script)
		}
		var gotRules [][3]string
		var gotAnswer string
		if err := json.Unmarshal([]byte("["+rules+"]"), &gotRules); err != nil {
			t.Fatalf("the rules are not literals: %v\n%s", err, rules)
		}
		if err := json.Unmarshal([]byte(answer), &gotAnswer); err != nil {
			t.Fatalf("the answer is not a literal: %v\n%s", err, answer)
		}
		want := [][3]string{{string([]rune(one)), "*", " 443 "}, {string([]rune(two)), " 80 8080 ", "  "}}
		if !reflect.DeepEqual(gotRules, want) || gotAnswer != "PROXY "+string([]rune(address))+"; DIRECT" {
			t.Errorf("read back: %q and %q, want %q", gotRules, gotAnswer, want)
		}
	})
}
