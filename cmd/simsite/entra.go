package main

import (
	"fmt"
	"net/http"
	"strings"

	"branchpoint/integration/sim"
)

// entraFlags say whether the site's machines have a tenant of Entra.
type entraFlags struct {
	On    bool   `name:"entra" help:"Add a tenant of Microsoft Entra."`
	Place string `name:"entra-place" help:"NAME=ADDRESS of it, instead of ports of 127.0.0.1."`
}

// tenant is nil when there is to be none.
func (c *serveCmd) tenant() (*sim.EntraPlace, error) {
	if c.Entra.Place == "" {
		if c.Entra.On {
			return &sim.EntraPlace{}, nil
		}
		return nil, nil
	}
	places, err := c.places([]string{c.Entra.Place})
	if err != nil {
		return nil, err
	}
	return &sim.EntraPlace{Place: places[0]}, nil
}

// describeEntra tells how to use the tenant.
func describeEntra(w *strings.Builder, e *sim.Entra) {
	identity, _ := e.IdentityEndpoint()
	fmt.Fprintf(w, "Entra:\n  %s  %s  %s\n", e.Name(), e.Authority(), identity)
}

// entraRoutes are the parts of the control endpoint for the tenant.
func (c *control) entraRoutes(mux *http.ServeMux) {
	e := c.site.Entra
	if e == nil {
		return
	}
	mux.HandleFunc("GET /entra/waiting", func(w http.ResponseWriter, _ *http.Request) { answer(w, e.Waiting()) })
	mux.HandleFunc("POST /entra/approve", needJSON(func(w http.ResponseWriter, r *http.Request) {
		var who struct{ Code, User string }
		err := read(r, &who)
		if err == nil {
			err = e.Approve(who.Code, who.User)
		}
		noContent(w, err)
	}))
	mux.HandleFunc("POST /entra/enroll", needJSON(func(w http.ResponseWriter, r *http.Request) { enroll(e, w, r) }))
	for name, change := range map[string]func(string){"disable": e.Disable, "enable": e.Enable} {
		mux.HandleFunc("POST /entra/"+name, needJSON(func(w http.ResponseWriter, r *http.Request) {
			var app struct{ Client string }
			err := read(r, &app)
			if err == nil {
				change(app.Client)
			}
			noContent(w, err)
		}))
	}
}

// enroll joins a machine, and answers with the credentials of the application that stands for it: a secret in the open. With a
// way of a managed identity ("system" or "user") it is that; with public it may use device codes.
func enroll(e *sim.Entra, w http.ResponseWriter, r *http.Request) {
	var who struct {
		Name, Managed string
		Public        bool
	}
	err := read(r, &who)
	var machine sim.Machine
	if err == nil {
		machine, err = sim.NewMachine(sim.EntraJoined, who.Name)
	}
	var app sim.EntraApp
	if err == nil {
		app, err = e.Enroll(machine)
	}
	if err == nil && (who.Managed != "" || who.Public) {
		app.Public = who.Public
		app.Managed = map[string]sim.ManagedIdentity{"system": sim.SystemAssigned, "user": sim.UserAssigned}[who.Managed]
		app, err = e.Register(app)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer(w, map[string]string{"tenant": e.Tenant(), "authority": e.Authority(), "client": app.ClientID, "secret": app.Secret.Reveal(), "device": app.DeviceID})
}
