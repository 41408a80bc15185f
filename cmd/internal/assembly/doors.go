package assembly

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"branchpoint/admin"
	"branchpoint/configs"
	"branchpoint/proxy"
)

// adminDrain is how long a request to the admin API may take to finish at the end.
const adminDrain = 5 * time.Second

// door is one open listener for clients.
type door struct {
	net.Listener
	config proxy.Listener
	up     atomic.Bool
}

// doors are all the addresses that the process listens on.
type doors struct {
	clients []*door
	admin   net.Listener
}

// openDoors binds every address before anything else is touched: an address in use is the commonest mistake, and the
// guard of the dialer has to know them all. Clients that come early wait to be accepted.
func openDoors(c *configs.Config) (_ *doors, err error) {
	d := &doors{}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	most, _ := fit(c, descriptors())
	for _, l := range c.Listeners {
		if l.Kind == configs.KindGateway {
			return nil, fmt.Errorf("listener %s: kind %s is not served by this version", l.Name, l.Kind)
		}
		ln, err := listen("listener "+l.Name, l.Address)
		if err != nil {
			return nil, err
		}
		config := proxyListener(c, l)
		config.MaxConnections = min(config.MaxConnections, most)
		d.clients = append(d.clients, &door{Listener: ln, config: config})
	}
	if d.admin, err = listen("admin", c.Admin.Address); err != nil {
		return nil, err
	}
	return d, nil
}

func listen(what, address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if inUse(err) {
		return nil, fmt.Errorf("%s: the address %s is in use by another program", what, address)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return ln, nil
}

func (d *doors) close() {
	for _, door := range d.clients {
		_ = door.Close() // closed already when it was served
	}
	if d.admin != nil {
		_ = d.admin.Close()
	}
}

// addresses are what no request may lead to: ourselves.
func (d *doors) addresses() []netip.AddrPort {
	list := []netip.AddrPort{addrPort(d.admin)}
	for _, door := range d.clients {
		list = append(list, addrPort(door))
	}
	return list
}

func addrPort(ln net.Listener) netip.AddrPort {
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok {
		return tcp.AddrPort()
	}
	return netip.AddrPort{}
}

// status tells the admin API which listeners serve.
func (d *doors) status() []admin.Listener {
	list := make([]admin.Listener, 0, len(d.clients))
	for _, door := range d.clients {
		list = append(list, admin.Listener{
			Name: door.config.Name, Address: door.Addr().String(), Entitlement: string(door.config.Entitlement), Up: door.up.Load(),
		})
	}
	return list
}

// serve answers until ctx ends or one listener fails. Running requests then have drain to finish; the admin API tells for
// that long that no more should be sent.
func (d *doors) serve(ctx context.Context, front *proxy.Proxy, api *admin.Server, drain time.Duration, log *slog.Logger) error {
	over, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return api.Serve(over, d.admin, adminDrain) })
	all.Go(func() error {
		defer end()
		clients, ctx := errgroup.WithContext(ctx)
		for _, door := range d.clients {
			clients.Go(func() error { return door.serve(ctx, front, drain, log) })
		}
		return clients.Wait()
	})
	log.Info("the admin API is ready", "url", "http://"+d.admin.Addr().String())
	return all.Wait()
}

func (d *door) serve(ctx context.Context, front *proxy.Proxy, drain time.Duration, log *slog.Logger) error {
	d.up.Store(true)
	stop := context.AfterFunc(ctx, func() { d.up.Store(false) })
	defer func() { stop(); d.up.Store(false) }()
	log.Info(d.invitation(), "listener", d.config.Name, "address", d.Addr().String(), "entitlement", string(d.config.Entitlement))
	if d.config.Entitlement == proxy.Network {
		log.Warn("every client in these networks gets what our token opens, and is not asked who it is", "listener", d.config.Name,
			"networks", fmt.Sprint(d.config.Networks))
	}
	return front.Serve(ctx, d.Listener, d.config, drain)
}

// invitation says how clients come to the listener.
func (d *door) invitation() string {
	if d.config.Transparent {
		return "clients can be redirected here, as configs/deploy/nftables.conf does it"
	}
	return "clients can use the proxy http://" + d.proxyAddress()
}

// proxyAddress is what a client's proxy setting should say. Who listens on every address is known by the machine's name.
func (d *door) proxyAddress() string {
	at := addrPort(d)
	if !at.Addr().IsUnspecified() {
		return at.String()
	}
	return net.JoinHostPort(hostName(), fmt.Sprint(at.Port()))
}
