package bench

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// nobody is the user that stands for "not root" on every Linux.
const nobody = 65534

// server is a running cache, with all its processes.
type server struct {
	name    string
	address string
	pair    *pair // nil: it speaks plain HTTP, as a proxy
	dir     string
	cmd     *exec.Cmd
	ended   chan struct{} // closed when the first process is gone
}

// startServer runs a cache that stays in the foreground, and waits until it accepts connections. It is ended with the test.
func startServer(t *testing.T, s *server, args ...string) *server {
	t.Helper()
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Dir = s.dir
	log, err := os.Create(filepath.Join(s.dir, "output.log"))
	must(t, err)
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = unprivileged(s.name == "squid")
	s.cmd.SysProcAttr.Setpgid = true
	must(t, s.cmd.Start())
	s.ended = make(chan struct{})
	go func() { defer close(s.ended); _ = s.cmd.Wait() }()
	t.Cleanup(func() { s.stop(t) })
	deadline := time.After(30 * time.Second)
	for {
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			conn.Close()
			return s
		}
		select {
		case <-s.ended:
			t.Fatalf("%s ended: %v; its output:\n%s", s.name, s.cmd.ProcessState, s.output())
		case <-deadline:
			t.Fatalf("%s does not listen; its output:\n%s", s.name, s.output())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// unprivileged returns what makes a process run as nobody, when it has to and we could be more than that.
func unprivileged(must bool) *syscall.SysProcAttr {
	if !must || os.Geteuid() != 0 {
		return &syscall.SysProcAttr{}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}

// stop ends the cache and waits for it. Its process group takes along the children of one that does not end in time.
func (s *server) stop(t *testing.T) {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		t.Errorf("%s does not end when it is told to", s.name)
	}
	if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Errorf("ending %s: %v", s.name, err)
	}
	<-s.ended
}

func (s *server) output() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "output.log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}
