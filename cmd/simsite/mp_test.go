package main

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestManagementPointByHand(t *testing.T) {
	var o cli
	parser, err := kong.New(&o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(strings.Fields("serve --mp --mp-http-only --mp-delivery token-manager --mp-token-encoding cms-enveloped --size 1048576 --ca-file " +
		filepath.Join(t.TempDir(), "ca.pem"))); err != nil {
		t.Fatal(err)
	}
	if place, err := o.Serve.mpPlace(); err != nil || place.Config.Delivery.Form != 1 || place.Config.Delivery.Encoding != 3 {
		t.Fatalf("%+v, %v", place, err)
	}
	text := start(t, o.Serve)
	mp := regexp.MustCompile(`MP1 +(http://\S+)`).FindStringSubmatch(text)[1]
	control := regexp.MustCompile(`Control: +(\S+)`).FindStringSubmatch(text)[1]
	header := []string{"Content-Type", "application/json"}
	c := &http.Client{Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	for _, s := range []struct {
		method, url, body string
		header            []string
		status            int
		want              string
	}{
		{"GET", mp + "/SMS_MP/.sms_aut?MPLIST", "", nil, 200, "<MPList>"},
		{"GET", control + "/mp/clients", "", nil, 200, "[]"},
		{"GET", control + "/mp/messages", "", nil, 200, "MPLIST"},
		{"GET", control + "/status", "", nil, 200, `"mp_requests":1`},
		{"POST", control + "/mp/approve", `{"machine":"PC1"}`, header, 400, "PC1"},
		{"POST", control + "/mp/approve", `{"machine":"PC1"}`, nil, 415, ""},
		{"POST", control + "/mp/reset", `{"nobody":1}`, header, 400, "unknown field"},
		{"POST", control + "/mp/join", `{"domain":"D","name":"PC1$","password":"x"}`, header, 204, ""},
		{"POST", control + "/mp/join", `{"domain":"D"}`, header, 400, ""},
		{"POST", control + "/mp/certificate", `{"name":"no name"}`, header, 400, ""},
		{"POST", control + "/dp/MP1/faults", `{"kind":"redirect"}`, header, 204, ""},
		{"GET", mp + "/SMS_MP/.sms_aut?MPLIST", "", nil, 0, "redirects"}, // to itself, again and again
		{"DELETE", control + "/dp/MP1/faults", "", header, 204, ""},
	} {
		status, body := call(t, c, s.method, s.url, s.body, s.header...)
		if status != s.status || !strings.Contains(body, s.want) {
			t.Errorf("%s %s %s: %d %q, want %d %q", s.method, s.url, s.body, status, body, s.status, s.want)
		}
	}
	_, body := call(t, c, "POST", control+"/mp/certificate", `{"name":"PC5"}`, header...)
	var pair struct{ Certificate, Key string }
	if err := json.Unmarshal([]byte(body), &pair); err != nil {
		t.Fatal(err)
	}
	if cert, err := tls.X509KeyPair([]byte(pair.Certificate), []byte(pair.Key)); err != nil || cert.Leaf.Subject.CommonName != "PC5" {
		t.Errorf("a client certificate: %v", err)
	}
}

func TestManagementPointPlace(t *testing.T) {
	c := &serveCmd{HTTPPort: 80, HTTPSPort: 443}
	if place, err := c.mpPlace(); place != nil || err != nil {
		t.Errorf("nobody asked for one: %v, %v", place, err)
	}
	c.MP.Place = "mp.example=192.0.2.1"
	place, err := c.mpPlace()
	if err != nil || place.Place.Host != "mp.example" || place.Place.HTTPSAddr != "192.0.2.1:443" {
		t.Errorf("%+v, %v", place, err)
	}
	c.MP.Place = "mp.example"
	if _, err := c.mpPlace(); err == nil {
		t.Error("a place without an address is one")
	}
}
