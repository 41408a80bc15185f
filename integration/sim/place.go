package sim

import (
	"errors"
	"fmt"
	"net"
	"strconv"
)

// Place is where a DP is and what it is called.
type Place struct {
	// Host in the URLs. Empty means "127.0.0.1".
	Host string
	// HTTPAddr and HTTPSAddr are where it listens. A DP without https leaves the latter alone.
	HTTPAddr, HTTPSAddr string
}

// places is where the four DPs are.
func (c *SiteConfig) places() ([]Place, error) {
	switch {
	case c.Places == nil:
	case c.BasePort != 0 || c.Host != "":
		return nil, errors.New("places stand instead of host and base port")
	case len(c.Places) != 4:
		return nil, fmt.Errorf("%d places for four DPs", len(c.Places))
	default:
		return c.Places, nil
	}
	port := c.BasePort
	address := func() string {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if port != 0 {
			port++
		}
		return addr
	}
	places := make([]Place, 4)
	for i := range places {
		places[i] = Place{Host: c.Host, HTTPAddr: address()}
		if i < 2 {
			places[i].HTTPSAddr = address()
		}
	}
	return places, nil
}
