package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"branchpoint/integration/sim"
)

// mpFlags say whether the site has a management point, and how that behaves at first.
type mpFlags struct {
	On           bool              `name:"mp" help:"Add a management point."`
	Place        string            `name:"mp-place" help:"NAME=ADDRESS of it, instead of ports of 127.0.0.1."`
	HTTPOnly     bool              `name:"mp-http-only" help:"It has no https."`
	AutoApprove  bool              `name:"mp-auto-approve" help:"It approves whoever registers."`
	Certificates bool              `name:"mp-certificates" help:"It wants client certificates over https; see /mp/certificate of the control endpoint."`
	Delivery     sim.DeliveryForm  `name:"mp-delivery" help:"How the site's tokens are delivered: location-reply, token-manager, token-services or nowhere." default:"location-reply"`
	TokenName    string            `name:"mp-token-name" help:"Element that carries a token." default:"DPToken"`
	Encoding     sim.TokenEncoding `name:"mp-token-encoding" help:"How a token is wrapped: none, base64, hex or cms-enveloped." default:"none"`
	TokenLife    time.Duration     `name:"mp-token-life" help:"How long a token of the site is good." default:"8h"`
}

// mpPlace is nil when there is to be none.
func (c *serveCmd) mpPlace() (*sim.MPPlace, error) {
	f := c.MP
	if !f.On && f.Place == "" {
		return nil, nil
	}
	place := &sim.MPPlace{HTTPOnly: f.HTTPOnly, Config: sim.ManagementPointConfig{MPSettings: sim.MPSettings{
		AutoApprove: f.AutoApprove, RequireCertificate: f.Certificates,
		Delivery: sim.TokenDelivery{Form: f.Delivery, Name: f.TokenName, Encoding: f.Encoding, Life: f.TokenLife, Place: sim.PlaceRecord},
	}}}
	if f.Place != "" {
		places, err := c.places([]string{f.Place})
		if err != nil {
			return nil, err
		}
		place.Place = places[0]
	}
	return place, nil
}

// describeMP tells how to use the management point.
func describeMP(w *strings.Builder, mp *sim.ManagementPoint) {
	fmt.Fprintf(w, "Management point of site %s:\n  %s  %s  %s\n", mp.SiteCode(), mp.Name(), mp.URL("http"), mp.URL("https"))
}

// mpRoutes are the parts of the control endpoint for the management point.
func (c *control) mpRoutes(mux *http.ServeMux) {
	mp := c.site.ManagementPoint
	if mp == nil {
		return
	}
	mux.HandleFunc("GET /mp/clients", func(w http.ResponseWriter, _ *http.Request) { answer(w, mp.Clients()) })
	mux.HandleFunc("GET /mp/messages", func(w http.ResponseWriter, _ *http.Request) { answer(w, mp.Messages.Entries()) })
	for name, change := range map[string]func(string) error{"approve": mp.Approve, "block": mp.Block, "unblock": mp.Unblock, "reset": mp.Reset} {
		mux.HandleFunc("POST /mp/"+name, needJSON(func(w http.ResponseWriter, r *http.Request) {
			var who struct{ Machine string } // its name, or its SMSID
			err := read(r, &who)
			if err == nil {
				err = change(who.Machine)
			}
			noContent(w, err)
		}))
	}
	mux.HandleFunc("POST /mp/join", needJSON(func(w http.ResponseWriter, r *http.Request) { noContent(w, join(mp, r)) }))
	mux.HandleFunc("POST /mp/certificate", needJSON(c.issue))
}

// join makes a computer account known.
func join(mp *sim.ManagementPoint, r *http.Request) error {
	var who struct{ Domain, Name, Password string }
	err := read(r, &who)
	if err == nil && (who.Domain == "" || who.Name == "" || who.Password == "") {
		err = errors.New("an account has domain, name and password")
	}
	if err != nil {
		return err
	}
	mp.Join(sim.Account{Domain: who.Domain, Name: who.Name, Password: sim.NewSecret(who.Password)})
	return nil
}

// issue answers with a client certificate of the site's CA and its key, in PEM: a secret in the open.
func (c *control) issue(w http.ResponseWriter, r *http.Request) {
	var who struct{ Name string }
	err := read(r, &who)
	var machine sim.Machine
	if err == nil {
		machine, err = sim.NewMachine(sim.Workgroup, who.Name)
	}
	if err == nil {
		machine, err = machine.WithPKI(c.site.CA)
	}
	var key []byte
	if err == nil {
		key, err = x509.MarshalPKCS8PrivateKey(machine.PKI.PrivateKey)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	answer(w, map[string]string{"certificate": block("CERTIFICATE", machine.PKI.Certificate[0]), "key": block("PRIVATE KEY", key)})
}

// noContent says that a change was made, or why not.
func noContent(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
