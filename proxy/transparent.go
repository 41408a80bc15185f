package proxy

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A transparent listener has clients that know nothing of it: a firewall has redirected their connections on the way to
// somewhere else. What one asks a host of ours for is fetched by that host's name, so that nobody who connects to a server of
// his own can have its bytes kept under the name of another. Everything else is passed on, byte for byte, to the address that
// the client meant.

// redirected begins with a client of a transparent listener. What is not clear when ctx ends is given up.
func (d *Door) redirected(ctx context.Context, c *traveller) {
	meant, err := d.original(tcpConn(c.came))
	if err != nil || meant == addrPort(c.came.LocalAddr()) {
		d.turnAway(c, slog.LevelInfo, "direct", "nobody redirected it, and there is no address to pass it on to but ours")
		return
	}
	o, early, err := readOpening(c.came)
	switch {
	case err != nil:
		c.Close()
	case d.p.forward.isOwn(c.came.RemoteAddr()):
		d.turnAway(c, slog.LevelWarn, "loop", "it is our own; the firewall has to leave out the user that Branchpoint runs as")
	default:
		c.Conn = &resumed{Conn: c.came, read: early}
		d.choose(ctx, c, o, meant)
	}
}

// choose answers what is for a host of ours, and has everything else passed on.
func (d *Door) choose(ctx context.Context, c *traveller, o opening, meant netip.AddrPort) {
	if o.protocol == protocolHTTP && d.answersFor(o.host, meant.Port()) {
		d.count("http")
		c.to = d.byHost(meant)
		d.hits.serve(c)
		return
	}
	if o.protocol == protocolTLS && d.settings.Load().allows(o.host, strconv.Itoa(int(meant.Port()))) {
		if certificate, ok := d.take(ctx, o.host, strconv.Itoa(int(meant.Port()))); ok {
			d.count("tls")
			d.tell(o.host, decidedSeen)
			c.to = byName(o.host, meant)
			if d.secure(c, show(certificate)) {
				d.hits.serve(c)
			}
			return
		}
	}
	if ctx.Err() != nil {
		c.Close()
		return
	}
	d.count("passed")
	d.passOn(c, o, meant)
}

// count tells the metrics what becomes of a redirected connection.
func (d *Door) count(way string) {
	d.p.metrics.redirected.WithLabelValues(d.settings.Load().Name, way).Inc()
}

// turnAway ends a connection that can neither be answered nor passed on.
func (d *Door) turnAway(c *traveller, level slog.Level, way, reason string) {
	d.count(way)
	d.p.log.Log(context.Background(), level, "a connection to a transparent listener was refused",
		"listener", d.settings.Load().Name, "client", c.address, "reason", reason)
	c.Close()
}

// byHost leads the requests of a connection to the host that each of them names, and those for a host that is none of ours to
// the address that the connection was made to.
func (d *Door) byHost(meant netip.AddrPort) *destination {
	return &destination{
		scheme: "http", host: meant.String(),
		named: func(name string) bool { return d.answersFor(name, meant.Port()) },
	}
}

// byName leads the requests of a connection to the host that its TLS named, and to no other.
func byName(host string, meant netip.AddrPort) *destination {
	return &destination{scheme: "https", host: net.JoinHostPort(host, strconv.Itoa(int(meant.Port()))), strict: true}
}

// answersFor tells whether a Host header names one of our hosts, at the port that the connection was made to.
func (d *Door) answersFor(name string, meant uint16) bool {
	u, err := url.Parse("http://" + name)
	if err != nil || u.Host != name || u.Hostname() == "" {
		return false
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	return port == strconv.Itoa(int(meant)) && d.settings.Load().allows(host, port)
}

// passOn has a connection passed on untouched.
func (d *Door) passOn(c *traveller, o opening, meant netip.AddrPort) {
	name, begin := d.settings.Load().Name, time.Now()
	d.p.forward.splice(c.Conn, meant.String(), func(did carried, err error) {
		attrs := []any{
			"listener", name, "client", c.address, "destination", meant.String(), "host", o.host,
			"sent", did.toTarget, "received", did.toClient, "took", time.Since(begin),
		}
		if err != nil {
			attrs = append(attrs, "error", &unanswered{meant.String(), reason(err)})
		}
		d.p.log.Info("a connection was passed on", attrs...)
	})
}

// tcpConn returns the TCP connection beneath what we put around it, nil when there is none.
func tcpConn(conn net.Conn) *net.TCPConn {
	switch c := conn.(type) {
	case *net.TCPConn:
		return c
	case *limitedConn:
		return tcpConn(c.Conn)
	case *resumed:
		return tcpConn(c.Conn)
	}
	return nil
}

// addrPort returns a TCP address without the ways in which one can be written differently.
func addrPort(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
}
