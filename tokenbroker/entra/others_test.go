package entra_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/entra"
)

// jwt is a token that says when it ends.
func jwt(ends time.Time) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"exp":%d}`, ends.Unix())) + "." + part("signature")
}

func TestFile(t *testing.T) {
	good := jwt(time.Now().Add(time.Hour))
	for _, test := range []struct{ name, text, want, words string }{
		{"alone", good, good, ""},
		{"with a newline", good + "\n", good, ""},
		{"of a Windows editor", "\ufeff" + good + "\r\n", good, ""},
		{"no JWT", "opaque", "opaque", ""},
		{"empty", " \n", "", "has none"},
		{"two lines", "a\nb", "", "what is there is none"},
		{"too long", strings.Repeat("x", 80<<10), "", "over 64 KiB"},
		{"ended", jwt(time.Now().Add(-time.Hour)), "", "the one that is there ended at"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := source(t, entra.Config{Type: entra.File, Path: private(t, test.text)})
			got, err := s.Token(t.Context())
			if test.words != "" {
				expect(t, err, entra.ErrUnavailable, test.words)
			} else if err != nil || got.Reveal() != test.want {
				t.Errorf("Token = %d bytes, %v", len(got.Reveal()), err)
			}
		})
	}
	_, err := source(t, entra.Config{Type: entra.File, Path: filepath.Join(t.TempDir(), "none")}).Token(t.Context())
	expect(t, err, entra.ErrUnavailable, "does not exist")
	_, err = source(t, entra.Config{Type: entra.File, Path: t.TempDir()}).Token(t.Context())
	expect(t, err, entra.ErrUnavailable, "is not a file")
}

// TestFileIsReplaced has somebody write another token: it counts when the one before was refused, or is about to end.
func TestFileIsReplaced(t *testing.T) {
	now := time.Now()
	path := private(t, jwt(now.Add(time.Hour)))
	s := source(t, entra.Config{Type: entra.File, Path: path, Now: func() time.Time { return now }})
	first := token(t, s)
	next := jwt(now.Add(2 * time.Hour))
	if err := os.WriteFile(path, []byte(next), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := token(t, s); got.Reveal() != first.Reveal() {
		t.Error("the token that is kept is not used")
	}
	now = now.Add(56 * time.Minute)
	if got := token(t, s); got.Reveal() != next {
		t.Error("the token that is about to end is used")
	}
	last := jwt(now.Add(3 * time.Hour))
	if err := os.WriteFile(path, []byte(last), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Forget(token(t, s))
	if got := token(t, s); got.Reveal() != last {
		t.Error("the token that was refused is used")
	}
}

func TestFileIsOpenToAll(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("modes are for Unix")
	}
	n := newTenant(t, nil)
	config := n.config(t)
	config.Type, config.Path = entra.File, private(t, "opaque")
	if err := os.Chmod(config.Path, 0o644); err != nil {
		t.Fatal(err)
	}
	s := source(t, config)
	s.Forget(token(t, s))
	token(t, s)
	if text := n.log.String(); strings.Count(text, "every user of this machine may read") != 1 {
		t.Errorf("the log says %q", text)
	}
}

// TestMain lets this program be the one that a test runs.
func TestMain(m *testing.M) {
	switch os.Getenv("BRANCHPOINT_TEST_COMMAND") {
	case "":
		os.Exit(m.Run())
	case "token":
		fmt.Println("token-for-" + os.Getenv(tokenbroker.AudienceVariable) + "-" + strings.Join(os.Args[1:], "|"))
	case "nothing":
	case "fail":
		fmt.Println("half a token")
		fmt.Fprintln(os.Stderr, "words on the standard error")
		os.Exit(3)
	case "hang":
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, os.Interrupt)
		<-asked
	case "flood":
		for {
			if _, err := fmt.Print(strings.Repeat("x", 1<<10)); err != nil {
				os.Exit(1)
			}
		}
	}
}

func TestCommand(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		does    string
		timeout time.Duration
		words   string
	}{
		{"token", 0, ""},
		{"nothing", 0, "the command has none"},
		{"fail", 0, "the command failed: exit status 3"},
		{"hang", 200 * time.Millisecond, "did not end in time"},
		{"flood", 0, "prints over 64 KiB"},
	} {
		t.Run(test.does, func(t *testing.T) {
			t.Setenv("BRANCHPOINT_TEST_COMMAND", test.does)
			s := source(t, entra.Config{Type: entra.Command, Argv: []string{self, "$HOME; ls", secretWord}, Timeout: test.timeout})
			got, err := s.Token(t.Context())
			if test.words != "" {
				expect(t, err, entra.ErrUnavailable, test.words)
			} else if want := "token-for-https://ConfigMgrService-$HOME; ls|" + secretWord; err != nil || got.Reveal() != want {
				t.Errorf("Token = %q, %v, want %q", got.Reveal(), err, want)
			}
		})
	}
	_, err = source(t, entra.Config{Type: entra.Command, Argv: []string{filepath.Join(t.TempDir(), secretWord)}}).Token(t.Context())
	expect(t, err, entra.ErrUnavailable, "cannot be started")
}
