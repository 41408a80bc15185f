package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"branchpoint/integration/sim"
)

// server is what all servers of a site have in common: DPs, "cloud", "storage", "MP1", "CMG1", "CMG1-storage"
// and "entra".
type server struct {
	serving
	faults *sim.Faults
}

type serving interface {
	Name() string
	Kill()
	Revive(ctx context.Context) error
	SetCertificate(k sim.CertificateKind) error
}

func (c *control) servers() (list []server) {
	for _, d := range c.site.DPs() {
		list = append(list, server{d, d.Faults})
	}
	if c.site.Cloud != nil {
		list = append(list, server{c.site.Cloud, c.site.Cloud.Faults}, server{c.site.Storage, c.site.Storage.Faults})
	}
	if mp := c.site.ManagementPoint; mp != nil {
		list = append(list, server{mp, mp.Faults})
	}
	if g := c.site.Gateway; g != nil {
		list = append(list, server{g, g.Faults})
	}
	if storage := c.site.GatewayStorage; storage != nil {
		list = append(list, server{storage, storage.Faults})
	}
	if e := c.site.Entra; e != nil {
		list = append(list, server{e, e.Faults})
	}
	return list
}

// change wraps what changes a server.
func (c *control) change(apply func(*http.Request, server) error) http.HandlerFunc {
	return needJSON(func(w http.ResponseWriter, r *http.Request) {
		for _, s := range c.servers() {
			if s.Name() != r.PathValue("name") {
				continue
			}
			if err := apply(r, s); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		http.Error(w, "no such server", http.StatusNotFound)
	})
}

// read reads a request's JSON, strictly.
func read(r *http.Request, into any) error {
	in := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<16))
	in.DisallowUnknownFields()
	return in.Decode(into)
}

func inject(r *http.Request, s server) error {
	var fault sim.Fault
	if err := read(r, &fault); err != nil {
		return fmt.Errorf("read the fault: %w", err)
	}
	_, err := s.faults.Inject(fault)
	return err
}

func certify(r *http.Request, s server) error {
	var kind sim.CertificateKind
	if err := read(r, &kind); err != nil {
		return fmt.Errorf("read the kind of certificate: %w", err)
	}
	return s.SetCertificate(kind)
}

// location is a sim.CloudLocation that is to be handed on: a secret in the open.
type location struct {
	URL    string `json:"url"`
	Header string `json:"header,omitempty"`
	Value  string `json:"value,omitempty"`
}

// locate signs the location of a content for a client, as the site's management point would.
func (c *control) locate(w http.ResponseWriter, r *http.Request) {
	var who struct{ Client, Content string }
	err := read(r, &who)
	if err == nil && (c.site.Cloud == nil || who.Client == "" || who.Content == "") {
		err = errors.New("there is no cloud, no client or no content")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	at := c.site.Cloud.Locate(who.Client, who.Content)
	answer(w, location{at.URL.Reveal(), at.Header, at.Value.Reveal()})
}
