package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// branch is a branch office in three network namespaces of its own: a client, a router, and servers behind a slow line. The
// router forwards, and is where a box belongs.
type branch struct {
	t                      testing.TB
	client, router, server *netns
	hosts                  string // the file by which all three know names
}

// Where things are. The servers have these addresses, and no others, so that nothing else can be reached.
const (
	lan4, lan6       = "10.99.1.", "fd99:1::" // the router is 1, the client 2
	wan4, wan6       = "10.99.2.", "fd99:2::" // the router is 1
	firstHost        = 10                     // of the servers
	lastHost         = 29
	slowLine         = 50_000_000 / 8 // bytes a second from the servers to the router
	redirectedPort   = "8480"
	redirectListener = "listeners: [{name: redirected, address: ':" + redirectedPort + "', kind: transparent}]\n"
)

// newBranch makes one. Its namespaces go with the test, and nothing outside them is changed.
func newBranch(t testing.TB) *branch {
	t.Helper()
	for _, name := range []string{"ip", "tc", "nft", "sh", "mount"} {
		program(t, name)
	}
	if os.Getuid() != 0 {
		lacking(t, "network namespaces need root")
	}
	n := &branch{t: t, client: newNetns(t, "client"), router: newNetns(t, "router"), server: newNetns(t, "server")}
	n.hosts = filepath.Join(t.TempDir(), "hosts")
	n.name("127.0.0.1", "localhost")
	n.router.do("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward && echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
	n.cable(n.client, "lan", n.router, "clients")
	n.cable(n.router, "line", n.server, "wan")
	n.client.address("lan", lan4+"2/24", lan6+"2/64")
	n.router.address("clients", lan4+"1/24", lan6+"1/64")
	n.router.address("line", wan4+"1/24", wan6+"1/64")
	for i := firstHost; i <= lastHost; i++ {
		n.server.address("wan", fmt.Sprint(wan4, i, "/24"), fmt.Sprint(wan6, i, "/64"))
	}
	n.client.do("ip", "route", "add", "default", "via", lan4+"1")
	n.client.do("ip", "-6", "route", "add", "default", "via", lan6+"1")
	n.server.do("ip", "route", "add", "default", "via", wan4+"1")
	n.server.do("ip", "-6", "route", "add", "default", "via", wan6+"1")
	n.server.do("tc", "qdisc", "add", "dev", "wan", "root", "tbf", "rate", fmt.Sprint(slowLine*8), "burst", "64kb", "latency", "100ms")
	return n
}

// cable connects two namespaces.
func (n *branch) cable(a *netns, here string, b *netns, there string) {
	n.t.Helper()
	do(n.t, "ip", "link", "add", here, "netns", a.name, "type", "veth", "peer", "name", there, "netns", b.name)
	a.do("ip", "link", "set", here, "up")
	b.do("ip", "link", "set", there, "up")
}

// name makes a host known by a name.
func (n *branch) name(address, name string) {
	n.t.Helper()
	f, err := os.OpenFile(n.hosts, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(n.t, err)
	_, err = fmt.Fprintln(f, address, name)
	must(n.t, errors.Join(err, f.Close()))
}

// in returns the beginning of a command that is to run in a namespace, where it knows the names of the branch.
func (n *branch) in(ns *netns) []string {
	// "ip netns exec" gives the command mounts of its own, so this hides the hosts file from nobody else.
	return []string{"ip", "netns", "exec", ns.name, "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, n.hosts}
}

// overTheLine is how many bytes have come over the slow line so far, headers and all.
func (n *branch) overTheLine() int64 {
	n.t.Helper()
	var links []struct {
		Stats struct{ RX struct{ Bytes int64 } } `json:"stats64"`
	}
	must(n.t, json.Unmarshal(n.router.do("ip", "-j", "-s", "link", "show", "dev", "line"), &links))
	return links[0].Stats.RX.Bytes
}

// netns is a network namespace.
type netns struct {
	t    testing.TB
	name string
}

func newNetns(t testing.TB, role string) *netns {
	t.Helper()
	ns := &netns{t, fmt.Sprintf("branchpoint-%s-%08x", role, rand.Uint32())}
	if out, err := exec.Command("ip", "netns", "add", ns.name).CombinedOutput(); err != nil {
		lacking(t, "this machine lets us make no network namespace: %v: %s", err, out)
	}
	t.Cleanup(func() { do(t, "ip", "netns", "delete", ns.name) })
	ns.do("ip", "link", "set", "lo", "up")
	return ns
}

// do runs a command to its end and returns what it prints.
func do(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	var errors strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", cmd, err, &errors)
	}
	return out
}

// do runs a command in the namespace.
func (ns *netns) do(name string, args ...string) []byte {
	ns.t.Helper()
	return do(ns.t, "ip", append([]string{"netns", "exec", ns.name, name}, args...)...)
}

// address gives an interface addresses. Nobody else is there who could have them already.
func (ns *netns) address(device string, addresses ...string) {
	ns.t.Helper()
	for _, a := range addresses {
		args := []string{"-n", ns.name, "address", "add", a, "dev", device}
		if strings.Contains(a, ":") {
			args = append(args, "nodad")
		}
		do(ns.t, "ip", args...)
	}
}

// inside runs f on a thread that is in the namespace. Sockets that f makes belong there for good, whoever uses them.
func (ns *netns) inside(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		door, err := os.Open("/run/netns/" + ns.name)
		if err == nil {
			err = errors.Join(unix.Setns(int(door.Fd()), unix.CLONE_NEWNET), door.Close())
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// dial connects from the namespace to an IP address.
func (ns *netns) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = ns.inside(func() error {
		dialer := net.Dialer{Timeout: 10 * time.Second}
		conn, err = dialer.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// listen opens a listener in the namespace until the test ends.
func (ns *netns) listen(t testing.TB, address string) (ln net.Listener) {
	t.Helper()
	must(t, ns.inside(func() (err error) {
		ln, err = net.Listen("tcp", address)
		return err
	}))
	t.Cleanup(func() { ln.Close() })
	return ln
}

// web returns an HTTP client in the namespace.
func (ns *netns) web() http.Client {
	transport := &http.Transport{DialContext: ns.dial}
	ns.t.Cleanup(transport.CloseIdleConnections)
	return http.Client{Transport: transport}
}
