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

func TestLoadNamesTheFile(t *testing.T) {
	setHome(t)
	path := write(t, "x: 1\nlog: {level: loud}\n")
	_, err := Load(path)
	want := path + ":1:1: unknown key \"x\"; known here: listeners, hierarchy, distribution_points, management_points, " +
		"cloud_management_gateways, interception, cloud, upstream, cache, entitlement, token, admin, log, tunnel_idle_timeout, shutdown_timeout\n" + path + ":2:14: log.level: unknown level \"loud\"; known here: debug, info, warn, error"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestLoadMissing(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that is fs.ErrNotExist", err)
	}
}
