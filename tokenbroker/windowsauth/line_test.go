package windowsauth_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"branchpoint/tokenbroker/windowsauth"
)

// challenge is a message 2 of NTLM (MS-NLMP 2.2.1.2) without target information.
func challenge() string {
	m := binary.LittleEndian.AppendUint32([]byte("NTLMSSP\x00"), 2)
	m = append(m, 0, 0, 0, 0, 48, 0, 0, 0)
	m = binary.LittleEndian.AppendUint32(m, 0x1|0x4|0x200|0x8000|0x80000)
	m = append(m, "noncenon"...)
	m = append(m, make([]byte, 8)...)
	return base64.StdEncoding.EncodeToString(append(m, 0, 0, 0, 0, 48, 0, 0, 0))
}

// server answers one request after another with what a test wants, and notes what it saw.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	seen   []seen
	answer func(n int, r *http.Request, w http.ResponseWriter) // n counts from 0
}

type seen struct{ method, authorization, body, from string }

func newServer(t *testing.T, answer func(n int, r *http.Request, w http.ResponseWriter)) *server {
	t.Helper()
	s := &server{answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		n := len(s.seen)
		s.seen = append(s.seen, seen{r.Method, r.Header.Get("Authorization"), string(body), r.RemoteAddr})
		s.mu.Unlock()
		s.answer(n, r, w)
	}))
	t.Cleanup(s.Close)
	return s
}

// list is what the server saw.
func (s *server) list() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func refuse(w http.ResponseWriter, challenges ...string) {
	for _, c := range challenges {
		w.Header().Add("WWW-Authenticate", c)
	}
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, "the page that comes with it")
}

// post sends a message, and returns the status of the answer and what the log says.
func (s *server) post(t *testing.T, body io.Reader) (status int, log string, err error) {
	t.Helper()
	var text bytes.Buffer
	login, err := windowsauth.New(windowsauth.Config{
		URL: s.URL, User: `CORP\PC1$`, PasswordFile: line(t, "secret"), Transport: &http.Transport{}, Logger: slog.New(slog.NewTextHandler(&text, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer login.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), "CCM_POST", s.URL+"/ccm_system_windowsauth/request", body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := login.RoundTrip(request)
	if err != nil {
		return 0, text.String(), err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if closed := resp.Body.Close(); err == nil {
		err = closed
	}
	return resp.StatusCode, text.String(), err
}

// ntlm plays the login of a server that takes every proof.
func ntlm(scheme string) func(int, *http.Request, http.ResponseWriter) {
	return func(n int, _ *http.Request, w http.ResponseWriter) {
		switch n {
		case 0:
			refuse(w, scheme, "Basic realm=x")
		case 1:
			refuse(w, scheme+" "+challenge())
		}
	}
}

// TestBodyIsSentAgain sends a message whose body can be had again, and one whose cannot.
func TestBodyIsSentAgain(t *testing.T) {
	for name, body := range map[string]func() io.Reader{
		"of a buffer": func() io.Reader { return strings.NewReader("the message") },
		"of a stream": func() io.Reader { return io.MultiReader(strings.NewReader("the "), strings.NewReader("message")) },
	} {
		for _, scheme := range []string{"NTLM", "Negotiate"} {
			t.Run(name+" with "+scheme, func(t *testing.T) {
				s := newServer(t, ntlm(scheme))
				if status, log, err := s.post(t, body()); err != nil || status != http.StatusOK || log != "" {
					t.Fatalf("status %d, %v, log %q", status, err, log)
				}
				list := s.list()
				if len(list) != 3 {
					t.Fatalf("%d requests, want 3", len(list))
				}
				for n, want := range []string{"", scheme + " TlRMTVNTUAAB", scheme + " TlRMTVNTUAAD"} {
					got := list[n]
					if got.method != "CCM_POST" || got.body != "the message" || !strings.HasPrefix(got.authorization, want) || (want == "") != (got.authorization == "") {
						t.Errorf("request %d is %+v, want the message and %q", n, got, want)
					}
					if got.from != list[0].from {
						t.Errorf("request %d came over another connection", n)
					}
				}
			})
		}
	}
}

func TestBodyTooLarge(t *testing.T) {
	s := newServer(t, ntlm("NTLM"))
	if _, _, err := s.post(t, io.MultiReader(bytes.NewReader(make([]byte, 16<<20+1)))); err == nil || !strings.Contains(err.Error(), "body of the request is over") {
		t.Errorf("a stream of more than 16 MiB: %v", err)
	}
	if got := len(s.list()); got != 0 {
		t.Errorf("%d requests were sent", got)
	}
}

// TestStrangeServers: what does not end well ends soon, and says why.
func TestStrangeServers(t *testing.T) {
	for _, test := range []struct {
		name     string
		answer   func(n int, r *http.Request, w http.ResponseWriter)
		status   int    // 0: an error
		want     string // in the error
		log      string
		requests int
	}{
		{"lets everybody in", func(int, *http.Request, http.ResponseWriter) {}, 200, "", "", 1},
		{"wants a password in clear", func(_ int, _ *http.Request, w http.ResponseWriter) { refuse(w, "Basic realm=x") }, 401, "", "", 1},
		{"wants a token", func(_ int, _ *http.Request, w http.ResponseWriter) { refuse(w, "Bearer") }, 401, "", "", 1},
		{"refuses without a challenge", func(_ int, _ *http.Request, w http.ResponseWriter) { refuse(w, "NTLM", "Negotiate") }, 0, "refused the account", "refused", 2},
		{"fails in the middle", func(n int, _ *http.Request, w http.ResponseWriter) {
			if n == 0 {
				refuse(w, "NTLM")
				return
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		}, 503, "", "", 2},
		{"has a challenge that is none", func(_ int, _ *http.Request, w http.ResponseWriter) { refuse(w, "NTLM aGVsbG8=") }, 0, "none of NTLM version 2", "none of NTLM version 2", 2},
		{"has a challenge in no Base64", func(_ int, _ *http.Request, w http.ResponseWriter) { refuse(w, "NTLM !!") }, 0, "refused the account", "refused", 2},
		{"never has enough", func(_ int, _ *http.Request, w http.ResponseWriter) { refuse(w, "NTLM "+challenge()) }, 0, "refused the account", "refused", 6},
		{"hangs up in the middle", func(n int, _ *http.Request, w http.ResponseWriter) {
			w.Header().Set("Connection", "close")
			refuse(w, "NTLM "+challenge())
		}, 0, "closed the connection in the middle", "closed the connection in the middle", 3},
		{"hangs up without an answer", func(n int, _ *http.Request, w http.ResponseWriter) {
			if n == 0 {
				refuse(w, "NTLM")
				return
			}
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.(*net.TCPConn).Close()
			}
		}, 0, "EOF", "", 2},
		{"has much to say", func(n int, _ *http.Request, w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", "NTLM "+challenge())
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write(make([]byte, 1<<20))
		}, 0, "closed the connection in the middle", "", 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, test.answer)
			status, log, err := s.post(t, strings.NewReader("the message"))
			if status != test.status || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("status %d, %v, want %d, %q", status, err, test.status, test.want)
			}
			if !strings.Contains(log, test.log) || test.log == "" && test.want == "" && log != "" {
				t.Errorf("the log says %q, want %q", log, test.log)
			}
			list := s.list()
			if len(list) != test.requests {
				t.Errorf("%d requests, want %d", len(list), test.requests)
			}
			for _, r := range list {
				if strings.HasPrefix(r.authorization, "Basic") {
					t.Error("the password was sent in clear")
				}
			}
		})
	}
}
