package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"branchpoint/integration/sim"
)

// fetchCmd downloads from a site that "simsite serve" runs, maybe on another machine. It has the same library, and so knows
// every byte.
type fetchCmd struct {
	URL        []string          `arg:"" help:"For bits and plain the URL of each file; for ccm and ts the locations of one content, in order; for cloud the file that holds a location, as the control endpoint's /cloud/location tells it."`
	Client     string            `help:"Kind of client: bits, ccm, ts (task sequence), plain or cloud." enum:"bits,ccm,ts,plain,cloud" default:"bits"`
	Clients    int               `help:"How many of them download side by side." default:"1"`
	Size       int64             `help:"Size of the demonstration package in bytes; the same as the site's." default:"268435456"`
	Proxy      *url.URL          `help:"An explicit http proxy; none without."`
	Resolve    map[string]string `help:"HOST:PORT=ADDRESS:PORT to connect to instead; may be repeated."`
	CAFile     []string          `help:"Root certificates in PEM that https must chain to, may be repeated; the system's without." type:"path"`
	Login      bool              `help:"Answer requests for Windows authentication with the site's made-up account."`
	Token      string            `help:"File with a token to show; none without." type:"path"`
	Header     string            `help:"Header that carries the token." default:"Authorization"`
	Format     string            `help:"Format of that header." default:"Bearer {token}"`
	Block      int64             `help:"Bytes of each range of bits and ccm; -1 is the whole file in one, -2 no range." default:"0"`
	NoHead     bool              `help:"Leave out the HEAD of each blob, with cloud."`
	RetryDelay time.Duration     `help:"Pause of bits and ccm after trouble." default:"1s"`
	Retries    int               `help:"How many troubles in a row bits and ccm survive." default:"20"`
	Idle       time.Duration     `help:"When a connection that brings nothing is given up." default:"30s"`
}

var errUnverified = errors.New("not everything was downloaded and right")

// Run downloads, and prints a report whatever came of it.
func (c *fetchCmd) Run(ctx context.Context, out io.Writer) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	download, err := c.client(config)
	if err != nil {
		return err
	}
	r := runClients(ctx, c.Client, c.Clients, download)
	if err := r.print(out); err != nil {
		return err
	}
	if !r.Verified {
		return errUnverified
	}
	return nil
}

func (c *fetchCmd) config() (sim.ClientConfig, error) {
	config := sim.ClientConfig{
		Proxy: c.Proxy, Resolve: c.Resolve, TokenHeader: c.Header, TokenFormat: c.Format, IdleTimeout: c.Idle,
	}
	if c.Clients < 1 {
		return config, fmt.Errorf("%d clients download nothing", c.Clients)
	}
	var err error
	if config.Library, err = sim.DemoLibrary(c.Size); err != nil {
		return config, err
	}
	if c.Login {
		account := sim.DemoAccount()
		config.Account = &account
	}
	if c.Token != "" {
		text, err := os.ReadFile(c.Token)
		if err != nil {
			return config, fmt.Errorf("read the token: %w", err)
		}
		config.Token = sim.NewSecret(strings.TrimSpace(string(text)))
	}
	config.RootCAs, err = c.roots()
	return config, err
}

// roots is nil when no file is named.
func (c *fetchCmd) roots() (*x509.CertPool, error) {
	var pool *x509.CertPool
	for _, path := range c.CAFile {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the root certificates: %w", err)
		}
		if pool == nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", path)
		}
	}
	return pool, nil
}

// client makes the kind of client that is asked for.
func (c *fetchCmd) client(config sim.ClientConfig) (func(context.Context) sim.ContentResult, error) {
	bits := sim.BITSConfig{ClientConfig: config, BlockSize: c.Block, RetryDelay: c.RetryDelay, MaxRetries: c.Retries}
	switch c.Client {
	case "ccm":
		client, err := sim.NewCCM(sim.CCMConfig{BITS: bits, ManifestDelay: c.RetryDelay})
		return func(ctx context.Context) sim.ContentResult { return client.Download(ctx, c.URL...) }, err
	case "ts":
		client, err := sim.NewTaskSequence(config)
		return func(ctx context.Context) sim.ContentResult { return client.Download(ctx, c.URL...) }, err
	case "cloud":
		at, err := c.location()
		if err != nil {
			return nil, err
		}
		client, err := sim.NewCloudClient(sim.CloudConfig{BITS: bits, NoHead: c.NoHead})
		return func(ctx context.Context) sim.ContentResult { return client.Download(ctx, at) }, err
	case "plain":
		client, err := sim.NewPlain(config)
		return c.eachFile(func(ctx context.Context, url string) sim.Result { return client.Get(ctx, url) }), err
	default:
		client, err := sim.NewBITS(bits)
		return c.eachFile(func(ctx context.Context, url string) sim.Result { return client.Download(ctx, url) }), err
	}
}

// eachFile makes a content of files that are named one by one.
func (c *fetchCmd) eachFile(file func(context.Context, string) sim.Result) func(context.Context) sim.ContentResult {
	return func(ctx context.Context) (r sim.ContentResult) {
		for _, url := range c.URL {
			one := file(ctx, url)
			r.Files = append(r.Files, one)
			r.Err = errors.Join(r.Err, one.Err)
		}
		return r
	}
}

// location reads what the control endpoint has told. It is in a file because a command line is for everybody to read.
func (c *fetchCmd) location() (sim.CloudLocation, error) {
	var at location
	text, err := os.ReadFile(c.URL[0])
	if err != nil {
		return sim.CloudLocation{}, fmt.Errorf("read the location: %w", err)
	}
	if len(c.URL) != 1 || json.Unmarshal(text, &at) != nil { // whose error would show a part of the secret
		return sim.CloudLocation{}, fmt.Errorf("%q is not one file with a location", c.URL)
	}
	return sim.CloudLocation{URL: sim.NewSecret(at.URL), Header: at.Header, Value: sim.NewSecret(at.Value)}, nil
}
