package bench

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program under test, built once by TestMain.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "branchpoint-bench")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "branchpoint")
	build := exec.Command("go", "build", "-o", binary, "branchpoint/cmd/branchpoint")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// full tells whether the full counts are asked for.
func full() bool { return os.Getenv("BRANCHPOINT_FULL") != "" }

// program returns the path of a program that the test needs. Without it the test is skipped, or fails when this machine
// should have everything.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil { // administrators' programs are not in everybody's path
		path, err = exec.LookPath(filepath.Join("/usr/sbin", name))
	}
	if err == nil {
		return path
	}
	if os.Getenv("BRANCHPOINT_REQUIRE") != "" {
		t.Fatalf("this machine should have everything: %s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// workDir returns a new directory that every user of the machine can reach, which t.TempDir is not: some servers refuse
// to run as root.
func workDir(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "branchpoint-"+name)
	must(t, err)
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	must(t, os.Chmod(dir, 0o755))
	return dir
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
