//go:build !windows

package main

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchpoint/cmd/internal/truststore"
	"branchpoint/configs"
	"branchpoint/proxy/authority"
)

// trustingMachine is a root directory of a Debian that has nothing, and a configuration with an authority.
func trustingMachine(t *testing.T) (*truststore.Store, *configs.Config) {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"usr/sbin", "usr/local/share/ca-certificates", "etc/ssl/certs"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(root+"/usr/sbin/update-ca-certificates", []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	store, err := truststore.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	config, err := configs.Parse([]byte("distribution_points: [{url: 'https://dp1.example.com'}]"))
	if err != nil {
		t.Fatal(err)
	}
	config.Interception.CADirectory = filepath.Join(t.TempDir(), "ca")
	names, err := namesOf(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := authority.Create(config.Interception.CADirectory, names); err != nil {
		t.Fatal(err)
	}
	return store, config
}

// TestRotation leads a machine from one authority to the next, and refuses each step that comes too early.
func TestRotation(t *testing.T) {
	store, config := trustingMachine(t)
	var out bytes.Buffer
	s := &streams{&out, &out}
	certificates := func() authority.Certificates {
		t.Helper()
		certs, err := authority.Read(config.Interception.CADirectory)
		if err != nil {
			t.Fatal(err)
		}
		return certs
	}
	step := func(what string, err error, want string) {
		t.Helper()
		text := out.String()
		if err != nil {
			text = "error: " + err.Error()
		}
		if !strings.Contains(text, want) || (err != nil) != strings.HasPrefix(want, "error: ") {
			t.Fatalf("%s says %q, want %q", what, text, want)
		}
		out.Reset()
	}
	first := certificates().Current
	step("trust", trust(t.Context(), s, config, store, certificates()), "This machine trusts "+short(first)+", for its names only, with all below: dp1.example.com.")
	step("rotate", prepare(s, config), "Prepared the next")
	step("activate", activate(s, config, store), "error: this machine trusts the certificate authority in use and not the next one")
	second := certificates().Next
	step("trust", trust(t.Context(), s, config, store, certificates()), "This machine trusts "+short(second))
	step("activate", activate(s, config, store), "When nothing uses the one before any more: branchpoint ca untrust --previous.")
	report, err := reportOf(config, store)
	if err != nil || !is(report.Current.Trusted) || !is(report.Previous.Trusted) || report.Current.Subject != second.Subject.String() {
		t.Errorf("the report is %+v, %v", report, err)
	}

	step("rotate", prepare(s, config), "Prepared the next")
	step("trust", trust(t.Context(), s, config, store, certificates()), "This machine trusts ")
	step("activate", activate(s, config, store), "error: this machine still trusts the certificate authority before the current one")
	step("untrust", untrust(t.Context(), s, store, certificates(), true), "This machine no longer trusts "+short(first)+".")
	step("activate", activate(s, config, store), " is in use once Branchpoint is started again")

	step("untrust", untrust(t.Context(), s, store, certificates(), false), "This machine no longer trusts "+short(second)+".")
	step("untrust", untrust(t.Context(), s, store, certificates(), false), "This machine did not trust "+short(second)+".")
	report, err = reportOf(config, store)
	if err != nil || is(report.Current.Trusted) || is(report.Previous.Trusted) {
		t.Errorf("after untrust the report is %+v, %v", report, err)
	}
}

// TestUntrusting is for a box whose own programs do not use it: nothing is in the way of a rotation.
func TestUntrusting(t *testing.T) {
	for _, name := range []string{"nothing is trusted", "nobody can say"} {
		t.Run(name, func(t *testing.T) {
			store, config := trustingMachine(t)
			if name == "nobody can say" {
				store = nil
			}
			var out bytes.Buffer
			s := &streams{&out, &out}
			if err := prepare(s, config); err != nil {
				t.Fatal(err)
			}
			config.Interception.Hosts = []string{"dp2.example.com"}
			if err := activate(s, config, store); err != nil || !strings.Contains(out.String(), "It does not cover dp2.example.com, which the configuration has since named") {
				t.Errorf("activate says %v, %q", err, out.String())
			}
			if strings.Contains(out.String(), "untrust") {
				t.Errorf("it speaks of what nobody trusts: %q", out.String())
			}
		})
	}
}

func TestUntrustPreviousWithoutOne(t *testing.T) {
	store, config := trustingMachine(t)
	certs, err := authority.Read(config.Interception.CADirectory)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := untrust(t.Context(), &streams{&out, &out}, store, certs, true); err != nil || out.String() != "There was no rotation yet.\n" {
		t.Errorf("it says %v, %q", err, out.String())
	}
}

// TestTrustRefusesNamesThatAreNotConfigured: nothing is trusted, neither what is in use nor what is next, when one of them is good
// for more than the configuration names.
func TestTrustRefusesNamesThatAreNotConfigured(t *testing.T) {
	for _, tt := range []struct{ name, inUse, next, strange string }{
		{"in use", "bank.example", "", "bank.example"},
		{"wider than a name", "example.com", "", "example.com"},
		{"an address", "10.1.0.5", "", "10.1.0.5"},
		{"the next one", "dp1.example.com", "bank.example", "bank.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store, config := trustingMachine(t)
			dir := filepath.Join(t.TempDir(), "ca")
			plant(t, authority.Create, dir, tt.inUse)
			if tt.next != "" {
				plant(t, authority.Rotate, dir, tt.next)
			}
			certs, err := authority.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err = trust(t.Context(), &streams{&out, &out}, config, store, certs)
			if err == nil || !strings.Contains(err.Error(), "it is also good for "+tt.strange+", which the configuration does not name") {
				t.Errorf("trust says %v, %q", err, out.String())
			}
			if is(trusted(store, certs.Current)) || certs.Next != nil && is(trusted(store, certs.Next)) {
				t.Error("it is trusted")
			}
		})
	}
}

// plant puts an authority for a name into a directory.
func plant(t *testing.T, put func(string, authority.Names) (*x509.Certificate, error), dir, name string) {
	t.Helper()
	names, err := authority.ParseNames([]string{name})
	if err == nil {
		_, err = put(dir, names)
	}
	if err != nil {
		t.Fatal(err)
	}
}
