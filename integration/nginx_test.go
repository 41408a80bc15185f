package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// nginxPackage is the package whose files the web server has.
const nginxPackage = "PS1000A1"

// nginx is a real web server with a folder of real files under the name of a DP's virtual directory.
type nginx struct {
	t       testing.TB
	dir     string
	address string
}

// startNginx starts one, or skips the test.
func startNginx(t testing.TB) *nginx {
	t.Helper()
	path := program(t, "nginx")
	n := &nginx{t: t, dir: t.TempDir(), address: freeAddress(t)}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n" // its default user cannot read the folder of a test
	}
	config := strings.NewReplacer("$DIR", n.dir, "$ADDRESS", n.address).Replace(user + `daemon off;
worker_processes 1;
pid $DIR/pid;
error_log $DIR/error.log;
events { worker_connections 512; }
http {
	default_type application/octet-stream;
	log_format bytes '$body_bytes_sent $request_method $status';
	access_log $DIR/access.log bytes;
	client_body_temp_path $DIR/temp1;
	proxy_temp_path $DIR/temp2;
	fastcgi_temp_path $DIR/temp3;
	uwsgi_temp_path $DIR/temp4;
	scgi_temp_path $DIR/temp5;
	server { listen $ADDRESS; root $DIR/root; }
}
`)
	must(t, os.WriteFile(filepath.Join(n.dir, "nginx.conf"), []byte(config), 0o600))
	must(t, os.MkdirAll(n.path(""), 0o700))
	cmd := exec.Command(path, "-e", filepath.Join(n.dir, "error.log"), "-p", n.dir, "-c", filepath.Join(n.dir, "nginx.conf"))
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it ends its worker and itself
		_ = cmd.Wait()                       // what it says of its end is of no interest
	})
	eventually(t, 10*time.Second, "nginx listens", func() bool {
		conn, err := net.Dial("tcp", n.address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return n
}

// path is where a file lies.
func (n *nginx) path(name string) string {
	return filepath.Join(n.dir, "root", "SMS_DP_SMSPKG$", nginxPackage, filepath.FromSlash(name))
}

// put makes a file.
func (n *nginx) put(name string, data []byte) {
	n.t.Helper()
	must(n.t, os.MkdirAll(filepath.Dir(n.path(name)), 0o700))
	must(n.t, os.WriteFile(n.path(name), data, 0o600))
}

// url is how a client asks for a file.
func (n *nginx) url(name string) string {
	return fmt.Sprintf("http://%s/SMS_DP_SMSPKG$/%s/%s", n.address, nginxPackage, escapePath(name))
}

// sent is how many bytes of bodies the server has sent, by its own log.
func (n *nginx) sent() (sum int64) {
	n.t.Helper()
	text, err := os.ReadFile(filepath.Join(n.dir, "access.log"))
	must(n.t, err)
	for line := range strings.Lines(string(text)) {
		size, _, _ := strings.Cut(line, " ")
		bytes, err := strconv.ParseInt(size, 10, 64)
		must(n.t, err)
		sum += bytes
	}
	return sum
}
