package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"branchpoint/integration/sim"
)

// places understands NAME=ADDRESS of each server. None at all is nil: they are on loopback.
func (c *serveCmd) places(texts []string) ([]sim.Place, error) {
	var places []sim.Place
	for _, text := range texts {
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

// cloud is nil when there is to be none.
func (c *serveCmd) cloud() (*sim.CloudPlace, error) {
	places, err := c.places(c.CloudPlace)
	switch {
	case err != nil:
		return nil, err
	case !c.Cloud && places == nil:
		return nil, nil
	case places == nil:
		return &sim.CloudPlace{BlobLife: c.BlobLife}, nil
	case len(places) != 2:
		return nil, fmt.Errorf("%d places for the content service and its storage", len(places))
	}
	return &sim.CloudPlace{Service: places[0], Storage: places[1], BlobLife: c.BlobLife}, nil
}
