// Command simsite runs a simulated Configuration Manager site on loopback, to be tried by hand: four distribution points,
// their CA, and a control endpoint that makes them misbehave.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"branchpoint/integration/sim"
)

// options is the command line.
type options struct {
	Host     string        `help:"Host name in the DPs' URLs and certificates; it must lead to 127.0.0.1." default:"127.0.0.1"`
	BasePort int           `help:"First of the six ports of the DPs; 0 takes free ones." default:"0"`
	Control  string        `help:"Loopback address of the control endpoint." default:"127.0.0.1:0"`
	CAFile   string        `help:"Where to write the root certificate." default:"simsite-ca.pem" type:"path"`
	Token    string        `help:"File to write a content access token to (mode 0600); none is written without." type:"path"`
	Header   string        `help:"Header that carries the token." default:"Authorization"`
	Format   string        `help:"Format of that header." default:"Bearer {token}"`
	Size     int64         `help:"Size of the demonstration package in bytes." default:"268435456"`
	RTT      time.Duration `help:"Round trip time to each DP." default:"0"`
	Rate     int64         `help:"Bytes a second from each DP; 0 is no limit." default:"0"`
	Log      string        `help:"File for the W3C log, - for standard output; none without." type:"path"`
}

func main() {
	var o options
	kong.Parse(&o, kong.Description("Runs a simulated Configuration Manager site until it is interrupted."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "simsite:", err)
		os.Exit(1)
	}
}

// run starts the site, tells how to use it, and stops it when the context ends.
func run(ctx context.Context, o options, out io.Writer) (err error) {
	library, err := sim.DemoLibrary(o.Size)
	if err != nil {
		return err
	}
	config := sim.SiteConfig{
		Library:  library,
		Host:     o.Host,
		BasePort: o.BasePort,
		Tokens:   sim.TokensConfig{Header: o.Header, Format: o.Format},
	}
	if o.RTT > 0 || o.Rate > 0 {
		config.Link = &sim.LinkConfig{RTT: o.RTT, Rate: o.Rate}
	}
	log, closeLog, err := openLog(o.Log, out)
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
	if err := writeFiles(o, site); err != nil {
		return err
	}
	control, err := startControl(o.Control, site)
	if err != nil {
		return err
	}
	defer closeAfter(&err, control.close)
	if err := describe(out, o, site, control.url()); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
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
func writeFiles(o options, site *sim.Site) error {
	if err := os.WriteFile(o.CAFile, site.CA.PEM(), 0o644); err != nil {
		return fmt.Errorf("write the root certificate: %w", err)
	}
	if o.Token == "" {
		return nil
	}
	if err := os.WriteFile(o.Token, []byte(site.Token.Reveal()), 0o600); err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	return nil
}
