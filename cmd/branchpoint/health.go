package main

import "fmt"

// healthCmd is for whoever restarts what is not alive, such as a container's HEALTHCHECK.
type healthCmd struct {
	apiFlag
	Ready bool `help:"Ask whether everything works as it should, and not only whether the program is alive. A restart does not help then: clients are still served."`
}

// Run prints "ok", or fails with the reason.
func (c *healthCmd) Run(s *streams) error {
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	if _, err := c.get(path); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, "ok")
	return err
}
