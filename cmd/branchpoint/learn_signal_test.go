//go:build !windows

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestLearnUntilInterrupted waits for an hour, and is told to end.
func TestLearnUntilInterrupted(t *testing.T) {
	box := start(t, "")
	address := strings.TrimPrefix(box.says(`"url":"`), "http://")
	cmd := exec.Command("branchpoint", "learn", "--address", address, "--for", "1h")
	var out bytes.Buffer
	cmd.Stdout = &out
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	learn := &program{cmd, t, bufio.NewScanner(stderr)}
	learn.says("Let a client download something now.")
	learn.signal(os.Interrupt)
	if err := learn.Wait(); err != nil || out.String() != nothingLearned {
		t.Errorf("it ends with %v, and says\n%s", err, &out)
	}
	box.signal(os.Interrupt)
	box.says("stopped")
	if err := box.Wait(); err != nil {
		t.Error(err)
	}
}
