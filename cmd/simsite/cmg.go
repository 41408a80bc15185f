package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"branchpoint/integration/sim"
)

// cmgFlags say whether the site has a gateway.
type cmgFlags struct {
	On      bool     `name:"cmg" help:"Add a cloud management gateway; it needs --mp."`
	Place   []string `name:"cmg-place" help:"NAME=ADDRESS of the gateway, and then of the storage of its content, instead of ports of 127.0.0.1."`
	Content bool     `name:"cmg-content" help:"The gateway has content."`
	Tokens  bool     `name:"cmg-content-tokens" help:"Its content wants a token of its own beside the signed query; shown like those of the DPs."`
}

// stsFlags say how CCM tokens are had and shown. There is a token service with a gateway or a tenant.
type stsFlags struct {
	Header      string            `name:"ccm-header" help:"Header that carries a CCM token; Authorization if it is not said."`
	Format      string            `name:"ccm-format" help:"Format of that header; 'Bearer {token}' if it is not said."`
	Life        time.Duration     `name:"ccm-life" help:"How long a CCM token is good." default:"8h"`
	Method      string            `name:"sts-method" help:"Verb of CCM_STS; GET, or POST with a token in the body, if it is not said."`
	Carriage    sim.TokenCarriage `name:"sts-carriage" help:"Where the token for CCM_STS is: header or body." default:"header"`
	TakenHeader string            `name:"sts-header" help:"Header that carries it; Authorization if it is not said."`
	TakenFormat string            `name:"sts-format" help:"Format of that header, or of the body."`
	Reply       string            `name:"sts-reply" help:"Where the answer has the CCM token: body, json:NAME.NAME, xml:NAME/NAME or header:NAME." default:"body"`
	Expiry      string            `name:"sts-expiry" help:"Where it says when that ends; nowhere if it is not said."`
}

// gateway is nil when there is to be none.
func (c *serveCmd) gateway() (*sim.GatewayPlace, error) {
	f := c.CMG
	if !f.On && len(f.Place) == 0 {
		return nil, nil
	}
	places, err := c.places(f.Place)
	switch {
	case err != nil:
		return nil, err
	case len(places) > 2:
		return nil, fmt.Errorf("%d places for a gateway and its storage", len(places))
	case f.Tokens && !f.Content:
		return nil, errors.New("a gateway without content has no tokens for it")
	}
	places = append(places, sim.Place{}, sim.Place{})
	g := &sim.GatewayPlace{Place: places[0], Storage: places[1]}
	if f.Content {
		g.Config.Content = &sim.ContentServiceConfig{BlobLife: c.BlobLife}
	}
	if f.Tokens {
		g.Config.Content.Tokens, err = sim.NewTokens(sim.TokensConfig{Header: c.Header, Format: c.Format})
	}
	return g, err
}

func (f stsFlags) tokens() sim.TokensConfig {
	return sim.TokensConfig{Header: f.Header, Format: f.Format}
}

func (f stsFlags) service() sim.TokenServiceConfig {
	return sim.TokenServiceConfig{STSSettings: sim.STSSettings{
		Method: f.Method, Carriage: f.Carriage, Header: f.TakenHeader, Format: f.TakenFormat, Reply: f.Reply, Expiry: f.Expiry, Life: f.Life,
	}}
}

// describeCMG tells how to use the gateway.
func describeCMG(w *strings.Builder, g *sim.Gateway) {
	fmt.Fprintf(w, "Gateway:\n  %s  %s\n        %s\n", g.Name(), g.MutualAuth(sim.DefaultBehind), g.ServerAuth(sim.DefaultBehind))
}

// cmgRoutes are the parts of the control endpoint for the gateway and the token service.
func (c *control) cmgRoutes(mux *http.ServeMux) {
	if g := c.site.Gateway; g != nil {
		mux.HandleFunc("POST /cmg/stranger", needJSON(func(w http.ResponseWriter, r *http.Request) {
			var set struct{ On bool } // it knows nobody any more
			err := read(r, &set)
			if err == nil {
				g.SetStranger(set.On)
			}
			noContent(w, err)
		}))
	}
	if s := c.site.TokenService; s != nil {
		mux.HandleFunc("POST /sts/bulk", needJSON(func(w http.ResponseWriter, r *http.Request) { bulk(s, w, r) }))
	}
}

// bulk answers with a bulk registration token: a secret in the open.
func bulk(s *sim.TokenService, w http.ResponseWriter, r *http.Request) {
	var of struct{ Minutes int } // 0: 3 days
	err := read(r, &of)
	var token sim.Secret
	var id string
	if err == nil {
		token, id, err = s.BulkToken(time.Duration(of.Minutes) * time.Minute)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer(w, map[string]string{"token": token.Reveal(), "id": id})
}
