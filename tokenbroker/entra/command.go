package entra

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

// AudienceVariable is the environment variable that tells a command which resource to get a token for. It is the one that the
// token commands of package tokenbroker have.
const AudienceVariable = "BRANCHPOINT_AUDIENCE"

// newCommand gets what a program prints. It has the environment of this process, with the resource in AudienceVariable, no
// standard input, and a standard error that nobody reads. A further process that it leaves behind is not waited for.
func newCommand(config Config) func(context.Context) (answer, error) {
	argv := slices.Clone(config.Argv)
	return func(ctx context.Context) (answer, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), AudienceVariable+"="+config.Resource)
		cmd.WaitDelay = time.Second // for a grandchild that holds the pipe
		out := &printed{full: cancel}
		cmd.Stdout = out
		err := cmd.Run()
		switch {
		case out.overflow:
			return answer{}, fmt.Errorf("%w: the command prints over 64 KiB", ErrUnavailable)
		case ctx.Err() != nil:
			return answer{}, fmt.Errorf("%w: the command did not end in time", ErrUnavailable)
		case err != nil && !errors.Is(err, exec.ErrWaitDelay): // then the program itself ended well
			return answer{}, commandFailure(err)
		}
		return tokenIn(out.text, "the command")
	}
}

// commandFailure says how the program ended. The text of other errors may hold its arguments.
func commandFailure(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return fmt.Errorf("%w: the command failed: %s", ErrUnavailable, exit.ProcessState)
	}
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%w: the command cannot be started: %w", ErrUnavailable, path.Err)
	}
	if start, ok := errors.AsType[*exec.Error](err); ok {
		return fmt.Errorf("%w: the command cannot be started: %w", ErrUnavailable, start.Err)
	}
	return fmt.Errorf("%w: the command cannot be started", ErrUnavailable)
}

// printed keeps what a program prints, and stops the program when that is too much.
type printed struct {
	text     []byte
	overflow bool
	full     context.CancelFunc
}

// Write implements io.Writer.
func (p *printed) Write(b []byte) (int, error) {
	if len(p.text)+len(b) > maxText {
		p.overflow = true
		p.full()
		return 0, errors.New("too much")
	}
	p.text = append(p.text, b...)
	return len(b), nil
}
