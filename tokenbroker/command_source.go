package tokenbroker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// DefaultCommandTimeout is how long a token command may run if nothing else is said.
const DefaultCommandTimeout = 10 * time.Second

// AudienceVariable is the environment variable that tells a token command which audience to get a token for.
const AudienceVariable = "BRANCHPOINT_AUDIENCE"

// CommandConfig is for NewCommandSource.
type CommandConfig struct {
	// Name of the source; New refuses a Config with a source that has none.
	Name string
	// Argv is the program and its arguments. No shell reads them.
	Argv []string
	// Timeout is how long the program may run. Zero is DefaultCommandTimeout; negative, and 30 seconds (what any source
	// gets) or more, are refused.
	Timeout time.Duration
}

// CommandSource has what a program prints. The program gets the environment of this process and AudienceVariable, no
// standard input, and a standard error that nobody reads. It prints a token and exits with 0, or nothing when it has
// none. A further process that it leaves behind is not waited for.
type CommandSource struct {
	name    string
	argv    []string
	timeout time.Duration
}

var _ Source = (*CommandSource)(nil)

// NewCommandSource refuses a configuration without a program, and a timeout that cannot be kept.
func NewCommandSource(config CommandConfig) (*CommandSource, error) {
	s := &CommandSource{config.Name, slices.Clone(config.Argv), config.Timeout}
	if s.timeout == 0 {
		s.timeout = DefaultCommandTimeout
	}
	if len(s.argv) == 0 || s.argv[0] == "" {
		return nil, errors.New("command token source: no program is named")
	}
	if s.timeout < 0 || s.timeout >= sourceTimeout {
		return nil, fmt.Errorf("command token source: timeout %v must be under %v and not negative", s.timeout, sourceTimeout)
	}
	return s, nil
}

// Name is Config.Name.
func (s *CommandSource) Name() string { return s.name }

// Token runs the program.
func (s *CommandSource) Token(ctx context.Context, audience string) (Token, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.argv[0], s.argv[1:]...)
	cmd.Env = append(os.Environ(), AudienceVariable+"="+audience)
	cmd.WaitDelay = time.Second // for a grandchild that holds the pipe
	out := &limited{full: cancel}
	cmd.Stdout = out
	err := cmd.Run()
	switch {
	case out.overflow:
		return Token{}, Failure("printed more than 64 KiB")
	case ctx.Err() != nil:
		return Token{}, fmt.Errorf("run the token command: %w", ctx.Err())
	case errors.Is(err, exec.ErrWaitDelay):
		// The program itself ended well.
	case err != nil:
		return Token{}, commandFailure(err)
	}
	return vouch(tokenFromText(out.text))
}

// commandFailure says how the program ended. The text of other errors is dropped: it may hold arguments.
func commandFailure(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return Failure("the command failed: " + exit.ProcessState.String())
	}
	return fmt.Errorf("start the token command: %w", err)
}

// limited keeps what a program prints, and stops the program when that is too much.
type limited struct {
	text     []byte
	overflow bool
	full     context.CancelFunc
}

func (l *limited) Write(p []byte) (int, error) {
	if len(l.text)+len(p) > maxText {
		l.overflow = true
		l.full()
		return 0, errLongToken
	}
	l.text = append(l.text, p...)
	return len(p), nil
}
