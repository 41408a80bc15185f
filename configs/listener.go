package configs

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Listener is one address that clients talk to.
type Listener struct {
	// Name appears in logs and metrics. Default: the address. Two listeners have two names.
	Name string `yaml:"name"`
	// Address is host:port. The host is an IP address or "localhost"; empty means every address of the machine. Port 0
	// lets the system choose one. Required.
	Address string `yaml:"address"`
	// Kind is what the listener is to its clients: KindForward, KindGateway or KindTransparent. Default: forward.
	Kind string `yaml:"kind"`
	// DistributionPoint is the one that a gateway stands for: the host, or host:port, of one of the DistributionPoints.
	// Required for gateway, refused otherwise.
	DistributionPoint string `yaml:"distribution_point"`
	// TLS makes a gateway speak HTTPS. For gateway only.
	TLS ListenerTLS `yaml:"tls"`
	// Entitlement is how a client shows that it may have a content: machine, origin or network. Default: machine on loopback,
	// origin elsewhere and for transparent, whose clients may be redirected from anywhere.
	Entitlement string `yaml:"entitlement"`
	// Networks are served with tokens of our own. Required by entitlement network, refused otherwise.
	Networks []Network `yaml:"networks"`
	// MaxConnections bounds the connections of clients. Default 4096; 1 to 1000000.
	MaxConnections int `yaml:"max_connections"`
	// AllowHosts are destinations besides the known management and distribution points: host, host:port or *.suffix. Refused for
	// transparent, and for forward on loopback, where every destination is allowed. For gateway they are the aliases by which
	// clients know it. One for which there are any, or TLS.Names, or which gives entitlement network without TLS, answers by no
	// other name than those, the distribution point's, the machine's, and IP addresses. Default none.
	AllowHosts []string `yaml:"allow_hosts"`
	// ConnectPorts are the ports that CONNECT may reach, for forward only. Default 443. An empty list: no CONNECT.
	ConnectPorts []int `yaml:"connect_ports"`
}

// ListenerTLS says where the certificate of a gateway comes from: from files, or from our own certificate authority. With
// neither the gateway speaks plain HTTP.
type ListenerTLS struct {
	// CertificateFile is a PEM file with the certificate and its chain; KeyFile holds the private key. They are read again
	// when the configuration is.
	CertificateFile string `yaml:"certificate_file"`
	KeyFile         string `yaml:"key_file"`
	// Names are the DNS names or IP addresses by which clients know the gateway; our own authority makes the certificates.
	Names []string `yaml:"names"`
}

// On says whether the listener speaks TLS.
func (t ListenerTLS) On() bool { return t.CertificateFile != "" || len(t.Names) > 0 }

func (t ListenerTLS) isZero() bool {
	return t.CertificateFile == "" && t.KeyFile == "" && len(t.Names) == 0
}

const (
	// KindForward is a proxy that clients are told of: absolute-form requests and CONNECT.
	KindForward = "forward"
	// KindGateway is a distribution point to its clients: origin-form requests, and a real one behind it.
	KindGateway = "gateway"
	// KindTransparent takes connections that were redirected to it on their way to somewhere else. Linux only.
	KindTransparent = "transparent"
)

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
	l.Kind = KindForward
	l.MaxConnections = 4096
	l.ConnectPorts = defaultPorts()
}

func defaultPorts() []int { return []int{443} }

// complete fills the defaults that depend on other settings.
func (l *Listener) complete() {
	if l.Name == "" {
		l.Name = l.Address
	}
	lower(l.AllowHosts)
	lower(l.TLS.Names)
	l.DistributionPoint = strings.ToLower(l.DistributionPoint)
	if (l.Kind == KindGateway || l.Kind == KindTransparent) && slices.Equal(l.ConnectPorts, defaultPorts()) {
		l.ConnectPorts = nil // they have none, and nobody has written this
	}
	if l.Entitlement != "" {
		return
	}
	l.Entitlement = originEntitlement
	if l.Loopback() && l.Kind == KindForward {
		l.Entitlement = machineEntitlement
	}
}

func lower(names []string) {
	for i, name := range names {
		names[i] = strings.ToLower(name)
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
