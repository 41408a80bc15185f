package assembly

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"branchpoint/configs"
)

// keysOf returns every setting that there is, as effectOf wants it.
func keysOf(section reflect.Type, prefix string) (keys []string) {
	for name, i := range fieldsOf(section) {
		field := section.Field(i).Type
		key := prefix + name
		switch {
		case isGroup(field):
			keys = append(keys, keysOf(field, key+".")...)
		case field.Kind() == reflect.Slice && isGroup(field.Elem()):
			keys = append(keys, keysOf(field.Elem(), key+"[].")...)
		default:
			keys = append(keys, key)
		}
	}
	return keys
}

// TestEverySettingHasAnEffect fails when somebody adds a setting and does not say whether it can be reloaded.
func TestEverySettingHasAnEffect(t *testing.T) {
	keys := keysOf(reflect.TypeFor[configs.Config](), "")
	for _, key := range keys {
		if effectOf(key) == unknownKey {
			t.Errorf("%s: effectOf does not say whether it can be reloaded", key)
		}
	}
	for _, key := range []string{"listeners[].tls.key_file", "token.sources[].type", "listeners[].networks", "upstream.cool_down", "hierarchy"} {
		if !slices.Contains(keys, key) {
			t.Errorf("%s was not looked at", key)
		}
	}
	if len(keys) < 50 {
		t.Errorf("only %d settings were looked at", len(keys))
	}
}

func TestCompare(t *testing.T) {
	const old = `
listeners: [{name: a, address: "127.0.0.1:1"}, {name: b, address: "127.0.0.1:2"}, {address: "127.0.0.1:3"}]
distribution_points: [{url: "http://dp1"}, {url: "http://dp2"}]
token: {sources: [{type: request}, {type: file, file: /a}]}
`
	rest := old[strings.Index(old, "distribution_points"):]
	for name, tt := range map[string]struct {
		text             string
		changed, restart []string
	}{
		"nothing":             {old, nil, nil},
		"a default, written":  {old + "upstream: {cool_down: 10000ms, ca_files: []}\nhierarchy:\n", nil, nil},
		"single settings":     {old + "log: {level: debug, format: json}\nupstream: {cool_down: 11s}\n", []string{"log.level", "upstream.cool_down"}, []string{"log.format"}},
		"a list":              {old + "management_points: [mp]\n", []string{"management_points"}, nil},
		"an entry":            {strings.Replace(old, "http://dp2", "http://dp3", 1), []string{"distribution_points[1].token_url", "distribution_points[1].url"}, nil},
		"an entry more":       {strings.Replace(old, "{type: request}, ", "", 1), []string{"token.sources"}, nil},
		"within an entry":     {strings.Replace(old, "/a", "/b", 1), []string{"token.sources[1].file"}, nil},
		"a directory":         {strings.Replace(old+"cache: {directory: /d, max_bytes: 1GiB}\n", "cache: {directory: /c}\n", "", 1), []string{"cache.max_bytes"}, []string{"cache.directory"}},
		"listeners reordered": {`listeners: [{address: "127.0.0.1:3"}, {name: b, address: "127.0.0.1:2"}, {name: a, address: "127.0.0.1:1"}]` + "\n" + rest, nil, nil},
		"a listener": {strings.Replace(old, `{name: b,`, `{name: b, connect_ports: [8443], max_connections: 5,`, 1),
			[]string{"listeners[1].connect_ports"}, []string{"listeners[1].max_connections"}},
		"a new name":      {strings.Replace(old, "name: b", "name: c", 1), nil, []string{"listeners[1].name"}},
		"another kind":    {strings.Replace(old, `{name: b,`, `{name: b, kind: gateway, distribution_point: dp1,`, 1), nil, []string{"listeners[1].kind"}},
		"another address": {strings.Replace(old, `"127.0.0.1:2"`, `":2", entitlement: origin`, 1), nil, []string{"listeners[1].address"}},
		"one more, one gone": {`listeners: [{name: new, address: "127.0.0.1:9"}, {name: b, address: "127.0.0.1:2"}, {name: a, address: "127.0.0.1:1", connect_ports: []}]` + "\n" + rest,
			[]string{"listeners[2].connect_ports"}, []string{"listeners (127.0.0.1:3 is there no more)", "listeners[0] (127.0.0.1:9 is new)"}},
	} {
		t.Run(name, func(t *testing.T) {
			running := parse(t, old)
			text, before := tt.text, "cache: {directory: /c}\nadmin: {token_file: /t}\n"
			if strings.Contains(text, "cache:") {
				before = "admin: {token_file: /t}\n"
			}
			wanted, err := configs.Parse([]byte(before + text))
			if err != nil {
				t.Fatal(err)
			}
			p := compare(running, wanted)
			if !slices.Equal(p.changed, tt.changed) || !slices.Equal(p.restart, tt.restart) {
				t.Errorf("changed %q\nwant    %q\nrestart %q\nwant    %q", p.changed, tt.changed, p.restart, tt.restart)
			}
			if !reflect.DeepEqual(running, parse(t, old)) {
				t.Error("what runs was changed")
			}
			again := compare(p.config, wanted)
			if len(again.changed) > 0 || !slices.Equal(again.restart, tt.restart) {
				t.Errorf("a second time: changed %q, restart %q", again.changed, again.restart)
			}
		})
	}
}

// TestWhatNeedsARestartStays: the plan has it as it runs.
func TestWhatNeedsARestartStays(t *testing.T) {
	running := parse(t, `listeners: [{name: a, address: "127.0.0.1:1"}, {name: b, address: "127.0.0.1:2"}]`)
	wanted := parse(t, `
listeners:
  - {name: c, address: ":3"}
  - {name: b, address: "127.0.0.1:2", max_connections: 7, connect_ports: [1]}
shutdown_timeout: 1s
tunnel_idle_timeout: 1s
`)
	p := compare(running, wanted)
	want := *wanted
	want.ShutdownTimeout = running.ShutdownTimeout
	want.Listeners = slices.Clone(running.Listeners)
	want.Listeners[1].ConnectPorts = []int{1}
	if !reflect.DeepEqual(p.config, &want) {
		t.Errorf("in force would be %+v\nwant %+v", p.config, want)
	}
	if !p.untouched[0] || p.untouched[1] {
		t.Errorf("untouched are %v, want the first", p.untouched)
	}
}

// TestAnotherSite: nothing of one site is mixed with another, and the rest of the file is in force.
func TestAnotherSite(t *testing.T) {
	const one, other = "site: {code: PS1, management_point: 'http://mp1'}\n", "site: {code: PS2, management_point: 'http://mp2'}\nidentity: {directory: /other}\n"
	for name, c := range map[string][2]string{"another": {one, other}, "none any more": {one, ""}, "a first one": {"", one}} {
		t.Run(name, func(t *testing.T) {
			running, wanted := parse(t, c[0]), parse(t, c[1]+"log: {level: debug}\n")
			p := compare(running, wanted)
			if !slices.Equal(p.changed, []string{"log.level"}) || !slices.Equal(p.restart, []string{"site.code"}) {
				t.Errorf("changed %q, restart %q", p.changed, p.restart)
			}
			if !reflect.DeepEqual(p.config.Site, running.Site) || p.config.Identity != running.Identity {
				t.Errorf("in force: %+v", p.config.Site)
			}
		})
	}
}
