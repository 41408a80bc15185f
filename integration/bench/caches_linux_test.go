package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// startCaches runs the four that are compared, in the order in which they take turns. None writes an access log.
func startCaches(t *testing.T, o *origin) []*server {
	host := o.host(t)
	return []*server{startBranchpoint(t, ""), startNginx(t, host, nil), startSquid(t), startVarnish(t, host)}
}

// newServer makes the place of a cache and its configuration file, in which $DIR, $ADDRESS, $ADMIN and what more has are
// filled in.
func newServer(t *testing.T, name, config string, more map[string]string) (s *server, file string) {
	t.Helper()
	s = &server{name: name, address: freeAddress(t), dir: workDir(t, name)}
	admin := freeAddress(t)
	text := os.Expand(config, func(key string) string {
		if value, ok := map[string]string{"DIR": s.dir, "ADDRESS": s.address, "ADMIN": admin}[key]; ok {
			return value
		}
		if value, ok := more[key]; ok {
			return value
		}
		return "$" + key // one of the server's own variables
	})
	file = filepath.Join(s.dir, "config")
	must(t, os.WriteFile(file, []byte(text), 0o644))
	return s, file
}

// startBranchpoint runs the product with what extra adds to its configuration.
func startBranchpoint(t *testing.T, extra string) *server {
	t.Helper()
	s, file := newServer(t, "branchpoint", branchpointConfig+extra, nil)
	return startServer(t, s, binary, "serve", "--config", file)
}

const branchpointConfig = `
listeners: [{name: bench, address: '$ADDRESS'}]
admin: {address: '$ADMIN', token_file: '$DIR/admin.token'}
cache: {directory: '$DIR/cache', min_free_bytes: 0}
log: {level: warn}
shutdown_timeout: 1s
`

// startNginx runs nginx as a reverse proxy, the way its manual caches large files: in slices. With a pair it speaks TLS.
func startNginx(t *testing.T, origin string, p *pair) *server {
	t.Helper()
	path := program(t, "nginx")
	config := nginxConfig
	if os.Geteuid() == 0 {
		config = "user root;\n" + config
	}
	values := map[string]string{"ORIGIN": origin, "TLS": ""}
	if p != nil {
		values["TLS"] = fmt.Sprintf(nginxTLS, p.certificate, p.key)
	}
	s, file := newServer(t, "nginx", config, values)
	s.pair = p
	return startServer(t, s, path, "-p", s.dir, "-e", filepath.Join(s.dir, "error.log"), "-c", file)
}

const nginxConfig = `
daemon off;
worker_processes auto;
pid $DIR/pid;
error_log $DIR/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush off;
  keepalive_requests 1000000000;
  client_body_temp_path $DIR/tmp;
  proxy_temp_path $DIR/tmp;
  fastcgi_temp_path $DIR/tmp;
  uwsgi_temp_path $DIR/tmp;
  scgi_temp_path $DIR/tmp;
  proxy_cache_path $DIR/cache levels=1:2 keys_zone=bench:16m max_size=8g inactive=1d use_temp_path=off;
  server {
    listen $ADDRESS $TLS;
    location / {
      slice 1m;
      proxy_cache bench;
      proxy_cache_key $uri$slice_range;
      proxy_cache_valid 200 206 1d;
      proxy_set_header Range $slice_range;
      proxy_http_version 1.1;
      proxy_pass http://$ORIGIN;
    }
  }
}
`

// startSquid runs squid as a forward proxy with a cache on disk, and the default one in memory before it.
func startSquid(t *testing.T) *server {
	t.Helper()
	path := program(t, "squid")
	s, file := newServer(t, "squid", squidConfig, nil)
	if os.Geteuid() == 0 {
		must(t, os.Chown(s.dir, nobody, nobody))
	}
	format := exec.Command(path, "-N", "-z", "-f", file)
	format.SysProcAttr = unprivileged(true)
	if out, err := format.CombinedOutput(); err != nil {
		t.Fatalf("making squid's directories: %v\n%s", err, out)
	}
	return startServer(t, s, path, "-N", "-f", file)
}

const squidConfig = `
http_port $ADDRESS
http_access allow all
visible_hostname localhost
pid_filename $DIR/pid
access_log none
cache_log $DIR/cache.log
cache_store_log none
coredump_dir $DIR
netdb_filename none
pinger_enable off
maximum_object_size 2 GB
cache_dir aufs $DIR/cache 4096 16 256
refresh_pattern . 1440 100% 10080
shutdown_lifetime 0 seconds
`

// startVarnish runs Varnish as a reverse proxy with everything in memory.
func startVarnish(t *testing.T, origin string) *server {
	t.Helper()
	path := program(t, "varnishd")
	program(t, "gcc") // compiles its configuration
	host, port := splitHostPort(t, origin)
	s, file := newServer(t, "varnish", fmt.Sprintf(varnishConfig, host, port), nil)
	return startServer(t, s, path, "-F", "-j", "none", "-n", filepath.Join(s.dir, "work"), "-a", s.address, "-f", file,
		"-s", "malloc,1g", "-T", "none")
}

const varnishConfig = `
vcl 4.1;
backend origin { .host = "%s"; .port = "%s"; }
sub vcl_backend_response { set beresp.ttl = 1d; }
`
