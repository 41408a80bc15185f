package main

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary the program itself when a script runs it by that name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"branchpoint": main, "get": get})
}

// TestScripts drives the real program. Each script has a distribution point of its own at $DP and a management point at $MP, and may have the program
// listen at $PROXY, $PROXY2, $ADMIN and $ADMIN2.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"approve": approve,
			"block":   block,
			"unblock": unblock,
			"expand":  expand,
			"exits":   exits,
			"release": release,
		},
	})
}

// contentDir is what the distribution point has.
const contentDir = "/SMS_DP_SMSPKG$/Content_0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f.1/"

// setUp starts a distribution point and reserves addresses.
func setUp(env *testscript.Env) error {
	held := make(chan struct{})
	dp := httptest.NewServer(serveContent(held))
	env.Defer(dp.Close)
	env.Values[heldKey{}] = held
	if err := startManagementPoint(env); err != nil {
		return err
	}
	env.Setenv("DP", dp.URL)
	env.Setenv("DPHOST", strings.TrimPrefix(dp.URL, "http://"))
	env.Setenv("FILE", dp.URL+contentDir+"setup.bin")
	env.Setenv("HOME", env.WorkDir+"/home")
	env.Setenv("XDG_CACHE_HOME", env.WorkDir+"/home/cache")
	env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/home/config")
	env.Setenv("LocalAppData", env.WorkDir+"/home/cache") // the same two on Windows
	env.Setenv("AppData", env.WorkDir+"/home/config")
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	for _, name := range []string{"PROXY", "PROXY2", "ADMIN", "ADMIN2"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		env.Setenv(name, ln.Addr().String())
		if err := ln.Close(); err != nil {
			return err
		}
	}
	return nil
}

// heldKey is where a script's environment keeps the channel whose end lets "held.bin" go.
type heldKey struct{}

// serveContent is a distribution point that has files of 3.5 MiB. It keeps "held.bin" back until held is closed.
func serveContent(held <-chan struct{}) http.HandlerFunc {
	data := strings.Repeat("0123456789abcdef", 7<<15)
	return func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutPrefix(r.URL.Path, contentDir)
		if !ok || path.Ext(name) != ".bin" {
			http.NotFound(w, r)
			return
		}
		if name == "held.bin" {
			select {
			case <-held:
			case <-r.Context().Done():
			}
		}
		http.ServeContent(w, r, name, time.Unix(1700000000, 0), strings.NewReader(data))
	}
}

// release lets "held.bin" go.
func release(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: release")
	}
	close(ts.Value(heldKey{}).(chan struct{}))
}

// expand replaces $VARIABLES in files of the script.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand file...")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// exits runs a program that has to end with the given code. Its output can be looked at as after exec.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program [argument...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("it exits with %d, want %d", got, want)
	}
}
