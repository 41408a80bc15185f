package tokenbroker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// helperVariable makes the test binary a token command; its value says which.
const helperVariable = "TOKENBROKER_TEST_COMMAND"

func TestMain(m *testing.M) {
	mode, ok := os.LookupEnv(helperVariable)
	if !ok {
		os.Exit(m.Run())
	}
	os.Exit(helper(mode))
}

// helper is the token command of the tests.
func helper(mode string) int {
	switch mode {
	case "token":
		fmt.Println("token-for-" + os.Getenv(AudienceVariable))
	case "nothing":
	case "longest":
		fmt.Println(strings.Repeat("x", maxToken))
	case "flood":
		for { // ends when the pipe does
			if _, err := os.Stdout.WriteString(strings.Repeat("x", 4096)); err != nil {
				return 0
			}
		}
	case "fail":
		fmt.Print(canary)
		fmt.Fprint(os.Stderr, canary)
		return 7
	case "hang":
		<-time.After(time.Minute) // nobody waits for it: the test ends it
	case "orphan":
		// A child that keeps our standard output open when we have gone.
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), helperVariable+"=linger")
		child.Stdout = os.Stdout
		if child.Start() != nil {
			return 1
		}
		fmt.Println("token-of-parent")
	case "linger":
		<-time.After(2 * time.Second)
	}
	return 0
}

func TestCommandSource(t *testing.T) {
	tests := []struct {
		mode, want string
		err        error
	}{
		{"token", "token-for-site", nil},
		{"longest", strings.Repeat("x", maxToken), nil},
		{"nothing", "", ErrUnavailable},
		{"flood", "", Failure("printed more than 64 KiB")},
		{"fail", "", Failure("the command failed: exit status 7")},
		{"orphan", "token-of-parent", nil},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			t.Setenv(helperVariable, tt.mode)
			answers(t, newCommand(t, os.Args[0], 0), tt.want, tt.err)
		})
	}
}

func TestCommandSourceStopsAProgramThatHangs(t *testing.T) {
	t.Setenv(helperVariable, "hang")
	t.Run("own timeout", func(t *testing.T) {
		answers(t, newCommand(t, os.Args[0], 50*time.Millisecond), "", context.DeadlineExceeded)
	})
	t.Run("caller", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := newCommand(t, os.Args[0], 0).Token(ctx, "site"); !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want the caller's", err)
		}
	})
}

func TestCommandSourceWithoutTheProgram(t *testing.T) {
	answers(t, newCommand(t, "no-such-program-anywhere", 0), "", exec.ErrNotFound)
	absent := os.ErrNotExist
	if runtime.GOOS == "windows" {
		absent = exec.ErrNotFound // it also tries the extensions of programs, as if it searched
	}
	answers(t, newCommand(t, t.TempDir()+"/missing", 0), "", absent)
}

func newCommand(t *testing.T, program string, timeout time.Duration) *CommandSource {
	t.Helper()
	s, err := NewCommandSource(CommandConfig{Name: "command", Argv: []string{program}, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
