package configs

import (
	"fmt"
	"slices"
	"strings"
)

func (c *Config) checkListeners(found *findings) {
	if len(c.Listeners) == 0 {
		found.bad("listeners", "the list is empty, so nobody could connect; remove it for the default listener")
	}
	names := map[string]int{}
	for i, l := range c.Listeners {
		path := index("listeners", i)
		// Two listeners named by one address are reported for the address, except for port 0, which may be there twice.
		if first, twice := names[l.Name]; twice && (l.Name != l.Address || strings.HasSuffix(l.Address, ":0")) {
			found.bad(path+".name", "%q is already the name of listeners[%d]; write another", l.Name, first)
		}
		names[l.Name] = i
		c.checkKind(i, found)
		found.between(path+".max_connections", l.MaxConnections, 1, 1_000_000)
		found.ports(path+".connect_ports", l.ConnectPorts)
		l.checkEntitlement(path, found)
		l.checkAllowHosts(path, found)
		if found.required(path+".address", l.Address, "127.0.0.1:8080") && found.address(path+".address", l.Address) {
			l.checkReach(path, found)
		}
	}
}

func (l Listener) checkEntitlement(path string, found *findings) {
	if !found.oneOf(path+".entitlement", "entitlement", l.Entitlement, machineEntitlement, originEntitlement, networkEntitlement) {
		return
	}
	switch network := l.Entitlement == networkEntitlement; {
	case network && len(l.Networks) == 0:
		found.bad(path+".networks", "entitlement network needs networks; write a list such as [10.1.0.0/16]")
	case !network && len(l.Networks) > 0:
		found.bad(path+".networks", "networks are for entitlement network only, and it is %s; remove them or write entitlement: network",
			l.Entitlement)
	}
}

// checkReach looks at what depends on who can reach the address.
func (l Listener) checkReach(path string, found *findings) {
	switch {
	case l.Entitlement == machineEntitlement && !l.Loopback():
		found.bad(path+".entitlement", "machine trusts everybody who can connect, and %s can be reached from the network; "+
			"write origin, or network with networks", l.Address)
	case l.Entitlement == machineEntitlement && l.Kind != KindForward:
		found.bad(path+".entitlement", "machine is for kind forward, whose clients have us as their proxy; a web page could use this one; write origin")
	case l.Kind == KindForward && l.Loopback() && len(l.AllowHosts) > 0:
		found.bad(path+".allow_hosts", "a loopback listener serves every destination; remove allow_hosts")
	}
}

func (l Listener) checkAllowHosts(path string, found *findings) {
	for i, host := range l.AllowHosts {
		name := strings.TrimPrefix(host, "*.")
		at := fmt.Sprintf("%s.allow_hosts[%d]", path, i)
		if found.credentials(at, host) {
			continue
		}
		if wild := name != host; !isHostPort(name) || wild && strings.Contains(name, ":") {
			found.bad(at, "%q is not a destination; write host.example.com, host.example.com:8531 or *.example.com", host)
		}
	}
}

func (f *findings) ports(path string, ports []int) {
	for i, port := range ports {
		at := fmt.Sprintf("%s[%d]", path, i)
		if f.between(at, port, 1, 65535) && slices.Contains(ports[:i], port) {
			f.bad(at, "%d is there twice; keep one", port)
		}
	}
}
