package assembly

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"branchpoint/admin"
	"branchpoint/configs"
	"branchpoint/proxy"
)

// door is one open listener for clients.
type door struct {
	net.Listener
	name, kind string
	front      *proxy.Door // what serves it; nil before open
	up         atomic.Bool
}

// open has the proxy take the listener over.
func (d *door) open(front *proxy.Proxy, settings proxy.Listener) (err error) {
	d.front, err = front.Open(d.Listener, settings)
	return err
}

func (d *door) serve(ctx context.Context, drain time.Duration, log *slog.Logger) error {
	d.up.Store(true)
	stop := context.AfterFunc(ctx, func() { d.up.Store(false) })
	defer func() { stop(); d.up.Store(false) }()
	l := d.front.Settings()
	log.Info(d.invitation(), "listener", d.name, "address", d.Addr().String(), "entitlement", string(l.Entitlement))
	d.warn(l, log)
	return d.front.Serve(ctx, drain)
}

// warn tells of settings that are seldom meant.
func (d *door) warn(l proxy.Listener, log *slog.Logger) {
	if l.Entitlement == proxy.Network {
		log.Warn("every client in these networks gets what our token opens, and is not asked who it is", "listener", d.name,
			"networks", fmt.Sprint(l.Networks))
	}
}

// prepare checks new settings, and returns what puts them into force.
func (d *door) prepare(settings proxy.Listener, log *slog.Logger) (commit func(), err error) {
	admit, err := d.front.Prepare(settings)
	if err != nil {
		return nil, err
	}
	return func() {
		was := d.front.Settings()
		admit()
		if fmt.Sprint(was.Networks) != fmt.Sprint(settings.Networks) {
			d.warn(settings, log)
		}
	}, nil
}

// invitation says how clients come to the listener.
func (d *door) invitation() string {
	switch d.kind {
	case configs.KindTransparent:
		return "clients can be redirected here, as configs/deploy/nftables.conf does it"
	case configs.KindGateway:
		return "clients can take " + d.url() + " for the distribution point " + d.front.Settings().Gateway
	}
	return "clients can use the proxy " + d.url()
}

// status tells the admin API of the listener.
func (d *door) status() admin.Listener {
	l := d.front.Settings()
	return admin.Listener{
		Name: d.name, Kind: d.kind, Address: d.Addr().String(), URL: d.url(), Gateway: l.Gateway, Entitlement: string(l.Entitlement),
		Up: d.up.Load(),
	}
}

// url is what a client's settings should say. Who listens on every address is known by the machine's name. Clients of a
// transparent listener have no such setting.
func (d *door) url() string {
	at := addrPort(d)
	host := at.String()
	if at.Addr().IsUnspecified() {
		host = net.JoinHostPort(hostName(), fmt.Sprint(at.Port()))
	}
	scheme, usual := "http://", ":80"
	if d.front.Settings().Certificate != nil {
		scheme, usual = "https://", ":443"
	}
	switch d.kind {
	case configs.KindTransparent:
		return ""
	case configs.KindGateway:
		return scheme + strings.TrimSuffix(host, usual)
	}
	return scheme + host
}

func addrPort(ln net.Listener) netip.AddrPort {
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}
