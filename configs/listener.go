package configs

import (
	"net"
	"net/netip"
	"strings"
)

// Listener is one address that clients talk to.
type Listener struct {
	// Name appears in logs and metrics. Default: the address. Two listeners have two names.
	Name string `yaml:"name"`
	// Address is host:port. The host is an IP address or "localhost"; empty means every address of the machine. Port 0
	// lets the system choose one. Required.
	Address string `yaml:"address"`
	// Kind is what the listener speaks. Default, and so far the only one: forward.
	Kind string `yaml:"kind"`
	// Entitlement is how a client shows that it may have a content: machine, origin or network. Default: machine on loopback,
	// origin elsewhere.
	Entitlement string `yaml:"entitlement"`
	// Networks are served with tokens of our own. Required by entitlement network, refused otherwise.
	Networks []Network `yaml:"networks"`
	// MaxConnections bounds the connections of clients. Default 4096; 1 to 1000000.
	MaxConnections int `yaml:"max_connections"`
	// AllowHosts are destinations besides the known management and distribution points: host, host:port or *.suffix.
	// Refused on loopback, where every destination is allowed. Default none.
	AllowHosts []string `yaml:"allow_hosts"`
	// ConnectPorts are the ports that CONNECT may reach. Default 443. An empty list: no CONNECT.
	ConnectPorts []int `yaml:"connect_ports"`
}

// kindForward is a forward proxy: absolute-form requests and CONNECT.
const kindForward = "forward"

const (
	// machineEntitlement trusts every process of this machine. Loopback only.
	machineEntitlement = "machine"
	// originEntitlement asks the distribution point, with the client's own credentials.
	originEntitlement = "origin"
	// networkEntitlement trusts the networks of the listener.
	networkEntitlement = "network"
)

// setDefaults fills what an entry of the list may leave out.
func (l *Listener) setDefaults() {
	l.Kind = kindForward
	l.MaxConnections = 4096
	l.ConnectPorts = []int{443}
}

// complete fills the defaults that depend on other settings.
func (l *Listener) complete() {
	if l.Name == "" {
		l.Name = l.Address
	}
	for i, host := range l.AllowHosts {
		l.AllowHosts[i] = strings.ToLower(host)
	}
	if l.Entitlement != "" {
		return
	}
	l.Entitlement = originEntitlement
	if l.Loopback() {
		l.Entitlement = machineEntitlement
	}
}

// Loopback says whether only processes of this machine can reach the listener.
func (l Listener) Loopback() bool { return loopback(l.Address) }

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}
