package configs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "branchpoint.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadResolvesPaths(t *testing.T) {
	setHome(t)
	absolute := filepath.Join(t.TempDir(), "ca.pem")
	path := write(t, "cache: {directory: blobs}\nadmin: {token_file: ../admin.token}\nupstream: {ca_files: [ca.pem, '"+absolute+
		"']}\ntoken: {sources: [{type: file, file: t/token}, {type: request}]}\ninterception: {ca_directory: ca}\n"+
		"distribution_points: [{url: http://dp1}]\n"+
		"listeners: [{address: ':1', kind: gateway, distribution_point: dp1, tls: {certificate_file: a.pem, key_file: a.key}}]\n")
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	got := []string{c.Cache.Directory, c.Admin.TokenFile, c.Upstream.CAFiles[0], c.Upstream.CAFiles[1], c.Token.Sources[0].File, c.Token.Sources[1].File,
		c.Interception.CADirectory, c.Listeners[0].TLS.CertificateFile, c.Listeners[0].TLS.KeyFile}
	want := []string{filepath.Join(dir, "blobs"), filepath.Join(filepath.Dir(dir), "admin.token"), filepath.Join(dir, "ca.pem"), absolute,
		filepath.Join(dir, "t", "token"), "",
		filepath.Join(dir, "ca"), filepath.Join(dir, "a.pem"), filepath.Join(dir, "a.key")}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestLoadResolvesPrograms: a name without a slash is searched for, as the system does.
func TestLoadResolvesPrograms(t *testing.T) {
	setHome(t)
	path := write(t, "token: {sources: [{type: command, command: [./get-token, ./x]}, {type: command, command: [get-token]}]}\n")
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	got := append(c.Token.Sources[0].Command, c.Token.Sources[1].Command...)
	if want := []string{filepath.Join(filepath.Dir(path), "get-token"), "./x", "get-token"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestCheckWantsFiles: what is to be read has to be there, and what is made does not.
func TestCheckWantsFiles(t *testing.T) {
	setHome(t)
	path := write(t, `cache: {directory: blobs}
admin: {token_file: admin.token}
upstream:
  ca_files: [ca.pem, ..]
token:
  sources: [{type: file, file: token}, {type: command, command: [./get-token]}]
`)
	dir := filepath.Dir(path)
	err := Check(path)
	want := path + ":4:14: upstream.ca_files[0]: there is no file " + filepath.Join(dir, "ca.pem") + "\n" +
		path + ":4:22: upstream.ca_files[1]: " + filepath.Dir(dir) + " is not a file\n" +
		path + ":6:32: token.sources[0].file: there is no file " + filepath.Join(dir, "token")
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if _, err := Load(path); err != nil {
		t.Errorf("Load: %v", err)
	}
	whole := write(t, "upstream: {ca_files: ['"+path+"']}\ntoken: {sources: [{type: file, file: '"+path+"'}]}\n")
	if err := Check(whole); err != nil {
		t.Errorf("with the files: %v", err)
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	setHome(t)
	path := write(t, "x: 1\nlog: {level: loud}\n")
	_, err := Load(path)
	want := path + ":1:1: unknown key \"x\"; known here: listeners, hierarchy, distribution_points, management_points, " +
		"cloud_management_gateways, site, identity, entra, interception, cloud, upstream, cache, entitlement, token, admin, log, tunnel_idle_timeout, shutdown_timeout\n" + path + ":2:14: log.level: unknown level \"loud\"; known here: debug, info, warn, error"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestLoadMissing(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that is fs.ErrNotExist", err)
	}
}

// TestAdminAddress: it is told of any file that can be read as one at all.
func TestAdminAddress(t *testing.T) {
	setHome(t)
	path := filepath.Join(t.TempDir(), "branchpoint.yaml")
	for text, want := range map[string]string{
		"admin: {address: 127.0.0.1:9}":                    "127.0.0.1:9",
		"admin: {address: 127.0.0.1:9, x: 1}":              "127.0.0.1:9",
		"lissteners: []\nadmin:\n  address: 127.0.0.1:9\n": "127.0.0.1:9",
		"cache: {max_size: much}":                          "127.0.0.1:8081",
		"admin: [":                                         "",
		"admin: 7":                                         "",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := AdminAddress(path); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := AdminAddress(filepath.Join(t.TempDir(), "none")); got != "" {
		t.Errorf("no file: %q", got)
	}
}
