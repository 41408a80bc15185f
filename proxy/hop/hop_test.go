package hop

import (
	"net/http"
	"reflect"
	"testing"
)

func TestEndToEnd(t *testing.T) {
	h := http.Header{
		"Connection": {"close, X-Mine", "x-other"}, "X-Mine": {"a"}, "X-Other": {"b"}, "Keep-Alive": {"c"}, "Proxy-Connection": {"d"},
		"Proxy-Authorization": {"e"}, "Proxy-Authenticate": {"f"}, "Te": {"g"}, "Trailer": {"h"}, "Transfer-Encoding": {"i"}, "Upgrade": {"j"},
		"Authorization": {"k"}, "Range": {"l", "m"},
	}
	before := h.Clone()
	if got, want := EndToEnd(h), (http.Header{"Authorization": {"k"}, "Range": {"l", "m"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%v is left, want %v", got, want)
	}
	if !reflect.DeepEqual(h, before) {
		t.Errorf("the original is now %v", h)
	}
}

func TestLogin(t *testing.T) {
	for _, tt := range []struct {
		value          string
		windows, binds bool
	}{
		{"NTLM TlRMTVNTUAAB", true, true},
		{"ntlm\tTlRMTVNTUAAB", true, true},
		{"  Negotiate YII=", true, true},
		{"Negotiate", true, true},
		{"NTLMv9 x", false, true},
		{"Kerberos x", false, true},
		{"SCCM token", false, true},
		{"", false, true},
		{"Basic bmFtZTpwYXNz", false, false},
		{"BEARER token", false, false},
		{"Digest username=x", false, false},
	} {
		h := http.Header{"Authorization": {tt.value}, "Www-Authenticate": {"Basic realm=x", tt.value}}
		if LogsIn(h) != tt.windows || AsksForLogin(h) != tt.windows || Binds(h) != tt.binds {
			t.Errorf("%q: logs in %v, asks %v, binds %v; want %v, %[5]v, %v", tt.value, LogsIn(h), AsksForLogin(h), Binds(h), tt.windows, tt.binds)
		}
	}
	if none := (http.Header{}); LogsIn(none) || AsksForLogin(none) || Binds(none) {
		t.Error("no header does something")
	}
}
