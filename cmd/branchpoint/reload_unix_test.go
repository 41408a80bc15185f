//go:build !windows

package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// change writes another text in place of a part of the program's configuration.
func (p *program) change(old, text string) {
	p.t.Helper()
	file := p.Args[len(p.Args)-1]
	all, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(strings.Replace(string(all), old, text, 1)), 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// TestHangup: the signal that ends other programs has this one read its configuration again.
func TestHangup(t *testing.T) {
	p := start(t, "tunnel_idle_timeout: 1m\n")
	api := p.says("the admin API is ready\",\"url\":\"http://")
	p.signal(syscall.SIGHUP)
	p.says(`the configuration was reloaded","changed":[],"need_restart":[]`)
	p.change("1m", "soon")
	p.signal(syscall.SIGHUP)
	p.says("the configuration was not reloaded")
	p.change("soon", "2m\nlog: {level: debug}")
	p.signal(syscall.SIGHUP)
	p.says(`"changed":["log.level","tunnel_idle_timeout"],"need_restart":[]`)

	p.change("level: debug", "level: error")
	reload := exec.Command("branchpoint", "reload", "--config", p.Args[len(p.Args)-1], "--address", api)
	if out, err := reload.CombinedOutput(); err != nil || string(out) != "Changed:\n  log.level\n" {
		t.Errorf("the verb says %q, %v", out, err)
	}
	p.signal(syscall.SIGTERM)
	for p.log.Scan() {
		if line := p.log.Text(); strings.Contains(line, `"INFO"`) {
			t.Errorf("with level error it says %s", line)
		}
	}
	if err := p.Wait(); err != nil {
		t.Errorf("it ends with %v, want 0", err)
	}
}
