package content

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		name        string
		id          ID
		full, group string
		mutable     bool
	}{
		{"package", ID{"default", Package, "ps100015", "a/b.exe"}, "default/package/ps100015/a/b.exe", "default/package/ps100015", true},
		{"version", ID{"default", Package, "ps100015.3", "a"}, "default/package/ps100015.3/a", "default/package/ps100015.3", false},
		{"application", ID{"x", Package, "content_" + lowGUID + ".1", "a"}, "x/package/content_" + lowGUID + ".1/a",
			"x/package/content_" + lowGUID + ".1", false},
		{"update", ID{"x", Package, lowGUID, "a"}, "x/package/" + lowGUID + "/a", "x/package/" + lowGUID, false},
		{"signature", ID{"x", Signature, "ps100015.3", "ps100015.3.tar"}, "x/signature/ps100015.3/ps100015.3.tar",
			"x/signature/ps100015.3", false},
		{"a signature is never mutable", ID{"x", Signature, "ps100015", "a"}, "x/signature/ps100015/a", "x/signature/ps100015", false},
		{"blob", ID{"host:https:acct:443", Blob, "abc", "Sub/A b"}, "host:https:acct:443/blob/abc/Sub/A%20b", "host:https:acct:443/blob/abc", true},
		{"no hierarchy", ID{"", Package, "ps100015", "a"}, "/package/ps100015/a", "/package/ps100015", true},
		{"hierarchy with a slash", ID{"a/b %", Package, "ps100015", "a"}, "a%2Fb%20%25/package/ps100015/a", "a%2Fb%20%25/package/ps100015", true},
		{"not printable", ID{"h", Package, "ps100015", "ä \u202e%\xff\ufffd"}, "h/package/ps100015/ä%20%E2%80%AE%25%FF\ufffd", "h/package/ps100015", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.id.Name(); got != tt.full {
				t.Errorf("Name() = %q, want %q", got, tt.full)
			}
			if got := tt.id.Group(); got != tt.group {
				t.Errorf("Group() = %q, want %q", got, tt.group)
			}
			if got := tt.id.Mutable(); got != tt.mutable {
				t.Errorf("Mutable() = %v, want %v", got, tt.mutable)
			}
		})
	}
}

func FuzzNameIsInjective(f *testing.F) {
	f.Add("h", "c/d", "p", "h/package", "c", "d/p")
	f.Add("h", "c", "a b", "h", "c", "a%20b")
	f.Add("", "\xff", "\ufffd", "", "%FF", "\xff")
	f.Fuzz(func(t *testing.T, h1, c1, p1, h2, c2, p2 string) {
		a, b := ID{h1, Package, c1, p1}, ID{h2, Package, c2, p2}
		if (a == b) != (a.Name() == b.Name()) {
			t.Errorf("%+v and %+v are named %q and %q", a, b, a.Name(), b.Name())
		}
		if a.Name() == (ID{h1, Signature, c1, p1}).Name() || a.Name() == (ID{h1, Blob, c1, p1}).Name() {
			t.Errorf("the name %q does not tell the share", a.Name())
		}
	})
}

// TestNoHeaderIsPrinted is about credentials: a Target carries the client's own.
func TestNoHeaderIsPrinted(t *testing.T) {
	const secret = "s3cr3t"
	target, ok := Parse("http", "dp1", "/SMS_DP_SMSPKG$/PS100015/a")
	if !ok {
		t.Fatal("not content")
	}
	target.Header = http.Header{"Authorization": {secret}}
	for _, text := range dumps(t, target) {
		if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
			t.Errorf("a header is printed: %s", text)
		}
	}
	if want := "http://dp1:80/SMS_DP_SMSPKG$/PS100015/a (/package/ps100015/a)"; target.String() != want {
		t.Errorf("String() = %q, want %q", target, want)
	}
}

// dumps is everything that a target can be turned into.
func dumps(t *testing.T, target Target) []string {
	t.Helper()
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "value", target, "pointer", &target, "slice", []Target{target})
	encoded, err := json.Marshal(map[string]any{"t": target, "p": &target})
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{log.String(), string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed = append(printed, fmt.Sprintf(verb, target), fmt.Sprintf(verb, &target), fmt.Sprintf(verb, []Target{target}))
	}
	return printed
}
