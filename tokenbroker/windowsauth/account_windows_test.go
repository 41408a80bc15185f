package windowsauth

import (
	"bytes"
	"net/http"
	"testing"

	"golang.org/x/sys/windows"
)

// TestProcessAccount asks Windows for the first message of a login.
func TestProcessAccount(t *testing.T) {
	login, err := New(Config{URL: "http://mp.example.org", Transport: &http.Transport{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, scheme := range login.account.schemes() {
		h, message, err := login.account.begin(scheme, "HTTP/mp.example.org")
		if err != nil {
			if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
				t.Skipf("Wine logs in with programs that are not here: %v", err)
			}
			t.Fatal(err)
		}
		// NTLM begins with its name, and SPNEGO with an application tag (RFC 4178).
		if !bytes.HasPrefix(message, []byte("NTLMSSP\x00")) && (scheme == schemeNTLM || message[0] != 0x60) {
			t.Errorf("%s begins with %x", scheme, message[:8])
		}
		if _, err := h.next([]byte("hello")); err == nil {
			t.Errorf("%s takes a challenge that is none", scheme)
		}
		h.close()
	}
}
