package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"branchpoint/integration/sim"
)

// places understands NAME=ADDRESS of each DP. None at all means that host and base port say where the DPs are.
func (c *serveCmd) places() ([]sim.Place, error) {
	var places []sim.Place
	for _, text := range c.Place {
		name, address, found := strings.Cut(text, "=")
		if !found || name == "" || net.ParseIP(address) == nil {
			return nil, fmt.Errorf("place %q is not NAME=ADDRESS", text)
		}
		places = append(places, sim.Place{
			Host:      name,
			HTTPAddr:  net.JoinHostPort(address, strconv.Itoa(c.HTTPPort)),
			HTTPSAddr: net.JoinHostPort(address, strconv.Itoa(c.HTTPSPort)),
		})
	}
	return places, nil
}
