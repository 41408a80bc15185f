// Package atsite makes, from the configuration, what talks to a Configuration Manager site: who this machine is there, and a
// client for each way in.
package atsite

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"branchpoint/configs"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
)

// The ways to a site, as status, metrics and the command line call them.
const (
	ManagementPoint = "mp"
	Gateway         = "cmg"
)

// ErrNoSite says that the configuration names no site.
var ErrNoSite = errors.New("the configuration names no site; write site.code and site.management_point or site.gateway")

// Options say how the site is reached.
type Options struct {
	// Roots verify its servers. Nil: those of the system.
	Roots *x509.CertPool
	// Dial opens connections. Nil: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Log takes what an operator should know. Nil: nothing is told.
	Log *slog.Logger
	// Documents is the folder in which the site's documents are kept; nothing else may be in it. Empty: they are not kept.
	Documents string
	// SettingsOnly makes the ends to see whether the settings can work: no file is read or made, and there is no identity. Nothing can
	// be asked with them.
	SettingsOnly bool
	// Code is told what a person has to do to log in for entra.type device_code. Nil: the log is.
	Code func(message string)
}

// Ends is what talks to one site. Nothing is sent before a client is used. Close it when done.
type Ends struct {
	// Identity is who this machine is. Nil: it has no key yet, and only what needs no signature can be asked.
	Identity *identity.Identity
	// Ways are the clients, by ManagementPoint and Gateway. At least one.
	Ways map[string]*ccm.Client
	// Manifests asks cloud distribution points for the lists of their contents.
	Manifests *ccm.Manifests
	// Replies reads answers about content that pass by.
	Replies *ccm.ReplyReader
	// Place says where this machine is.
	Place func() ccm.Place

	keeping   map[string]*Keeping       // the clients of Ways, by the same names
	documents map[string]*ccm.Bootstrap // the same servers
	closers   []func()
}

// Open makes the ends of the site of c. The error Is ErrNoSite when there is none.
func Open(c *configs.Config, o Options) (*Ends, error) {
	if !c.Site.On() {
		return nil, ErrNoSite
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Ends{Ways: map[string]*ccm.Client{}, Place: place(c.Site.Place), keeping: map[string]*Keeping{}, documents: map[string]*ccm.Bootstrap{}}
	if err := e.open(c, o); err != nil {
		e.Close()
		return nil, err
	}
	for name, client := range e.Ways {
		e.keeping[name] = &Keeping{client, e.Identity, e.documents[name], c.Site.Code}
	}
	return e, nil
}

func (e *Ends) open(c *configs.Config, o Options) error {
	if !o.SettingsOnly {
		if err := e.identify(c); err != nil {
			return err
		}
	}
	sts, err := e.exchange(c, o)
	if err != nil {
		return err
	}
	base := clientConfig(c, sts)
	if e.Identity != nil {
		base.Identity = e.Identity.CCM()
	}
	if err := e.managementPoint(c, o, base, sts); err != nil {
		return fmt.Errorf("site.management_point: %w", err)
	}
	if err := e.gateway(c, o, base, sts); err != nil {
		return fmt.Errorf("site.gateway: %w", err)
	}
	return e.readers(c, o)
}

// identify finds out who this machine is. That it has no key yet is no error: `branchpoint identity register` makes one.
func (e *Ends) identify(c *configs.Config) (err error) {
	e.Identity, err = identity.Load(IdentityConfig(c))
	if errors.Is(err, identity.ErrNone) {
		e.Identity, err = nil, nil
	}
	if err != nil {
		return fmt.Errorf("reading the identity of this machine: %w", err)
	}
	return nil
}

// IdentityConfig is where the identity is.
func IdentityConfig(c *configs.Config) identity.Config {
	i := c.Identity
	return identity.Config{
		Directory: i.Directory, SiteCode: c.Site.Code, PFXFile: i.PFXFile, PasswordFile: i.PasswordFile,
		CertificateFile: i.CertificateFile, KeyFile: i.KeyFile,
		Store: identity.Query{Issuer: i.Store.Issuer, Subject: i.Store.Subject, Thumbprint: i.Store.Thumbprint},
	}
}

// managementPoint adds the management point that is asked directly.
func (e *Ends) managementPoint(c *configs.Config, o Options, base ccm.Config, sts ccm.TokenSource) (err error) {
	if c.Site.ManagementPoint == "" {
		return nil
	}
	base.URL, base.Directory = c.Site.ManagementPoint, c.Site.Directory
	if strings.EqualFold(base.Directory, ccm.TokenDirectory) {
		base.CCMToken = sts
	}
	t, err := e.transport(o, e.certificate())
	if err != nil {
		return err
	}
	if base.Transport, err = e.loggedIn(c.Site, o, t); err != nil {
		return err
	}
	return e.way(ManagementPoint, base, o)
}

// gateway adds the management point behind a gateway. A certificate opens it or, without one, a CCM token.
func (e *Ends) gateway(c *configs.Config, o Options, base ccm.Config, sts ccm.TokenSource) error {
	if c.Site.Gateway == "" {
		return nil
	}
	g, err := ccm.ParseGateway(c.Site.Gateway)
	if err != nil {
		return err
	}
	base.URL = g.MutualAuth()
	if e.certificate() == nil {
		base.URL, base.Directory, base.CCMToken = g.ServerAuth(), ccm.TokenDirectory, sts
	}
	if base.Transport, err = e.transport(o, e.certificate()); err != nil {
		return err
	}
	return e.way(Gateway, base, o)
}

// certificate is the one that servers may ask for. Nil: there is none.
func (e *Ends) certificate() *tls.Certificate {
	if e.Identity == nil {
		return nil
	}
	return e.Identity.TLS()
}

func (e *Ends) transport(o Options, certificate *tls.Certificate) (*http.Transport, error) {
	config := &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12}
	if certificate != nil {
		config.Certificates = []tls.Certificate{*certificate}
	}
	t, err := ccm.NewTransport(ccm.TransportConfig{TLS: config, Dial: o.Dial})
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, t.CloseIdleConnections)
	return t, nil
}

// readers makes what reads lists of cloud content, and answers that pass by.
func (e *Ends) readers(c *configs.Config, o Options) error {
	t, err := e.transport(o, nil)
	if err != nil {
		return err
	}
	m := c.Cloud.Manifest
	e.Manifests, err = ccm.NewManifests(ccm.ManifestsConfig{
		Manifest:  ccm.ManifestSettings{File: m.File, Path: m.Path, Size: m.Size, URL: m.URL},
		Header:    ccm.Presentation{Header: c.Token.HeaderName, Format: c.Token.HeaderFormat},
		Transport: t,
	})
	if err != nil {
		return fmt.Errorf("cloud.manifest: %w", err)
	}
	e.Replies, err = ccm.NewReplyReader(locationSettings(c.Site.Locations), tokenSettings(c.Site.DPToken, unasked{}))
	if err != nil {
		return fmt.Errorf("site.locations and site.dp_token: %w", err)
	}
	return nil
}

// unasked stands for the STS where answers are only read.
type unasked struct{}

func (unasked) Token(context.Context) (ccm.Token, error) { return ccm.Token{}, ccm.ErrNoToken }
func (unasked) Forget(ccm.Token)                         {}

// Close closes the connections. What is under way ends as it can.
func (e *Ends) Close() {
	for _, c := range e.closers {
		c()
	}
}
