package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"branchpoint/integration/sim"
)

// serveCmd runs the site: four distribution points, their CA, and a control endpoint that makes them misbehave.
type serveCmd struct {
	Host       string        `help:"Host name in the DPs' URLs and certificates; it must lead to 127.0.0.1." default:"127.0.0.1"`
	BasePort   int           `help:"First of the six ports of the DPs; 0 takes free ones." default:"0"`
	Place      []string      `help:"NAME=ADDRESS of one DP, four times, instead of host and base port: each with an IP address of its own."`
	HTTPPort   int           `help:"Port for http at each place." default:"80"`
	HTTPSPort  int           `help:"Port for https at each place." default:"443"`
	AnyAddress bool          `help:"Let places be other than loopback: in a network namespace of a test."`
	Cloud      bool          `help:"Add a cloud: a content service, and the storage that it signs URLs for."`
	CloudPlace []string      `help:"NAME=ADDRESS of the content service and then of the storage, instead of ports of 127.0.0.1."`
	BlobLife   time.Duration `help:"How long a signed URL is good." default:"1h"`
	MP         mpFlags       `embed:""`
	CMG        cmgFlags      `embed:""`
	STS        stsFlags      `embed:""`
	Entra      entraFlags    `embed:""`
	Control    string        `help:"Loopback address of the control endpoint, or unix:PATH of a socket." default:"127.0.0.1:0"`
	JSON       bool          `help:"Tell how to use the site in one line of JSON, once it is ready."`
	CAFile     string        `help:"Where to write the root certificate." default:"simsite-ca.pem" type:"path"`
	Token      string        `help:"File to write a content access token to (mode 0600); none is written without." type:"path"`
	Header     string        `help:"Header that carries the token." default:"Authorization"`
	Format     string        `help:"Format of that header." default:"Bearer {token}"`
	Size       int64         `help:"Size of the demonstration package in bytes." default:"268435456"`
	RTT        time.Duration `help:"Round trip time to each DP." default:"0"`
	Rate       int64         `help:"Bytes a second from each DP; 0 is no limit." default:"0"`
	Log        string        `help:"File for the W3C log, - for standard output; none without." type:"path"`
}

// Run starts the site, tells how to use it, and stops it when the context ends.
func (c *serveCmd) Run(ctx context.Context, out io.Writer) (err error) {
	config, err := c.config()
	if err != nil {
		return err
	}
	log, closeLog, err := openLog(c.Log, out)
	if err != nil {
		return err
	}
	defer closeAfter(&err, closeLog)
	config.LogTo = log
	site, err := sim.StartSite(config)
	if err != nil {
		return err
	}
	defer closeAfter(&err, site.Close)
	if err := c.writeFiles(site); err != nil {
		return err
	}
	control, err := startControl(c.Control, site)
	if err != nil {
		return err
	}
	defer closeAfter(&err, control.close)
	tell := c.describe
	if c.JSON {
		tell = describeJSON
	}
	if err := tell(out, site, control.url()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func (c *serveCmd) config() (sim.SiteConfig, error) {
	config := sim.SiteConfig{
		AnyAddress: c.AnyAddress, Tokens: sim.TokensConfig{Header: c.Header, Format: c.Format}, CCMTokens: c.STS.tokens(), TokenService: c.STS.service(),
	}
	var err error
	if config.Library, err = sim.DemoLibrary(c.Size); err != nil {
		return config, err
	}
	if config.Places, err = c.places(c.Place); err != nil {
		return config, err
	}
	if config.Cloud, err = c.cloud(); err != nil {
		return config, err
	}
	if config.ManagementPoint, err = c.mpPlace(); err != nil {
		return config, err
	}
	if config.Gateway, err = c.gateway(); err != nil {
		return config, err
	}
	if config.Entra, err = c.tenant(); err != nil {
		return config, err
	}
	if config.Places == nil {
		config.Host, config.BasePort = c.Host, c.BasePort
	}
	if c.RTT > 0 || c.Rate > 0 {
		config.Link = &sim.LinkConfig{RTT: c.RTT, Rate: c.Rate}
	}
	return config, nil
}

// closeAfter closes something when its user returns, and keeps the first error.
func closeAfter(err *error, closer func() error) {
	if problem := closer(); *err == nil {
		*err = problem
	}
}

// openLog opens the log for appending. No path is no log; the returned function closes what was opened.
func openLog(path string, out io.Writer) (io.Writer, func() error, error) {
	nothing := func() error { return nil }
	switch path {
	case "":
		return nil, nothing, nil
	case "-":
		return out, nothing, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log: %w", err)
	}
	return f, f.Close, nil
}

// writeFiles writes what clients need to be let in.
func (c *serveCmd) writeFiles(site *sim.Site) error {
	if err := os.WriteFile(c.CAFile, site.CA.PEM(), 0o644); err != nil {
		return fmt.Errorf("write the root certificate: %w", err)
	}
	if c.Token == "" {
		return nil
	}
	if err := os.WriteFile(c.Token, []byte(site.Token.Reveal()), 0o600); err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	return nil
}
