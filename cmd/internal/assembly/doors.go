package assembly

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"branchpoint/admin"
	"branchpoint/configs"
	"branchpoint/proxy"
)

// adminDrain is how long a request to the admin API may take to finish at the end.
const adminDrain = 5 * time.Second

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
	for _, l := range c.Listeners {
		ln, err := listen("listener "+l.Name, l.Address)
		if err != nil {
			return nil, err
		}
		d.clients = append(d.clients, &door{Listener: ln, name: l.Name, kind: l.Kind})
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

// open has the proxy take all listeners over, with the settings that the configuration gives them in this order.
func (d *doors) open(c *configs.Config, front *proxy.Proxy, show []shown) error {
	for i, door := range d.clients {
		if err := door.open(front, listenerSettings(c, c.Listeners[i], show[i])); err != nil {
			return err
		}
	}
	return nil
}

// status tells the admin API which listeners serve.
func (d *doors) status() []admin.Listener {
	list := make([]admin.Listener, 0, len(d.clients))
	for _, door := range d.clients {
		list = append(list, door.status())
	}
	return list
}

// serve answers until ctx ends or one listener fails. Running requests then have drain to finish; the admin API tells for
// that long that no more should be sent.
func (d *doors) serve(ctx context.Context, api *admin.Server, drain time.Duration, log *slog.Logger) error {
	over, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return api.Serve(over, d.admin, adminDrain) })
	all.Go(func() error {
		defer end()
		clients, ctx := errgroup.WithContext(ctx)
		for _, door := range d.clients {
			clients.Go(func() error { return door.serve(ctx, drain, log) })
		}
		return clients.Wait()
	})
	log.Info("the admin API is ready", "url", "http://"+d.admin.Addr().String())
	return all.Wait()
}
