package sim

import (
	"fmt"
	"net"
)

// Location is the base URL of a content, as a location reply names it: for VdirPlain http when the DP has it, https for
// the others. Empty when the DP lacks the listener.
func (d *DP) Location(v Vdir, segment string) string {
	base := d.URL("http")
	if base == "" || v != VdirPlain {
		base = d.URL("https")
	}
	if base == "" {
		return ""
	}
	return base + "/" + v.String() + "SMS_DP_SMSPKG$/" + segment
}

// checkListen refuses an address that is no IP address with a port, or that others than this machine could reach.
func checkListen(addr string, anyAddress bool) error {
	host, port, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	switch {
	case err != nil || ip == nil || port == "":
		return fmt.Errorf("%q is not an IP address with a port", addr)
	case !ip.IsLoopback() && !anyAddress:
		return fmt.Errorf("%q is not a loopback address with a port", addr)
	}
	return nil
}
