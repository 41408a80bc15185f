package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Entitlement says how clients of a listener show that they may have a content.
type Entitlement string

const (
	// Machine serves every process of this machine with the tokens that it has. For loopback listeners only.
	Machine Entitlement = "machine"
	// Origin asks the distribution point, with the client's own headers.
	Origin Entitlement = "origin"
	// Network serves clients of named networks with our token, and asks for all others as Origin does.
	Network Entitlement = "network"
)

// Listener is one door of the proxy.
type Listener struct {
	// Name appears in logs and metrics.
	Name string
	// Entitlement: how clients show that they may have a content. It must be set.
	Entitlement Entitlement
	// Networks are served without asking when Entitlement is Network.
	Networks []netip.Prefix
	// AnyHost serves every destination. For loopback listeners only.
	AnyHost bool
	// Hosts are the destinations otherwise: "host", "host:port" or "*.suffix".
	Hosts []string
	// Gateway makes the listener a distribution point to its clients: it is the URL (scheme://host[:port]) of the real one, where
	// everything leads. Empty for a listener of another kind.
	Gateway string
	// Names are the hosts, "host:port" or "*.suffix", that clients of a gateway may name in Host, besides that of Gateway and IP
	// addresses: a web page of anybody may have led its own name here, to have a browser of a trusted network ask for content. Nil
	// means every name, for clients that are asked who they are.
	Names []string
	// Certificate is what clients of a gateway are shown, who then speak TLS. Nil means that they speak plain HTTP.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Transparent: clients were redirected here on their way to somewhere else, and speak as to an origin server. What leads to
	// Hosts is answered, everything else is passed on to where it was going. For Linux only.
	Transparent bool
	// PointedHosts are the hosts, or "*.suffix", that the PAC file of the listener sends to it. What the listener does not serve
	// is left out. Nil means none but those that Config.Served adds.
	PointedHosts []string
	// ConnectPorts are the ports that tunnels may lead to.
	ConnectPorts []string
	// MaxConnections is how many clients are connected at a time; more wait to be accepted. Zero means 4096.
	MaxConnections int

	to *destination // of a gateway
}

// Timeouts against clients that are slow or silent.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// maxHeader leaves room for BITS custom headers of 16,384 characters and a Kerberos ticket of 48 KiB.
	maxHeader = 96 << 10
)

// complete returns the settings of a listener on an address with their defaults, or says why they cannot be.
func (l Listener) complete(address net.Addr) (Listener, error) {
	if l.MaxConnections == 0 {
		l.MaxConnections = 4096
	}
	if l.Gateway != "" {
		to, err := behind(l.Gateway)
		if err != nil {
			return l, fmt.Errorf("listener %s: %w", l.Name, err)
		}
		l.to = to
	}
	return l, l.validate(address)
}

func (l *Listener) validate(address net.Addr) error {
	loopback := isLoopback(address)
	switch {
	case l.Entitlement == Machine && !loopback:
		return fmt.Errorf("listener %s: entitlement machine is for loopback addresses, not %s", l.Name, address)
	case l.Entitlement == Machine && (l.Transparent || l.Gateway != ""):
		// Their clients speak as to an origin server: so does a web page of anybody, by a name that it has lead to this machine.
		return fmt.Errorf("listener %s: entitlement machine is for clients that have us as their proxy", l.Name)
	case l.AnyHost && !loopback:
		return fmt.Errorf("listener %s: any destination is for loopback addresses, not %s", l.Name, address)
	case l.Transparent && l.AnyHost:
		return fmt.Errorf("listener %s: it is transparent, so it has to know which hosts are its own", l.Name)
	case l.Gateway != "" && (l.Transparent || l.AnyHost):
		return fmt.Errorf("listener %s: a gateway leads to one server, and to no other", l.Name)
	case l.Certificate != nil && l.Gateway == "":
		return fmt.Errorf("listener %s: only a gateway has a certificate", l.Name)
	case l.Entitlement == Network && len(l.Networks) == 0:
		return fmt.Errorf("listener %s: entitlement network names no network", l.Name)
	case l.Entitlement != Machine && l.Entitlement != Origin && l.Entitlement != Network:
		return fmt.Errorf("listener %s: entitlement %q is unknown", l.Name, l.Entitlement)
	case l.MaxConnections < 0:
		return fmt.Errorf("listener %s: a negative number of connections", l.Name)
	}
	return nil
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// Serve is Open and the Serve of the Door, for a listener whose settings stay as they are.
func (p *Proxy) Serve(ctx context.Context, ln net.Listener, l Listener, drain time.Duration) error {
	d, err := p.Open(ln, l)
	if err != nil {
		return err
	}
	return d.Serve(ctx, drain)
}
