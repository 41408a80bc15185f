package main

import (
	"encoding/json"
	"fmt"

	"branchpoint/admin"
)

// healthCmd is for whoever restarts what is not alive, such as a container's HEALTHCHECK.
type healthCmd struct {
	apiFlag
	// Ready is not for restarts: what it finds wrong is seldom mended by one, and clients are still served.
	Ready bool `help:"Ask whether everything works as it should, and not only whether the program is alive."`
}

// Run prints "ok", or fails with the reason.
func (c *healthCmd) Run(s *streams) error {
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	address, err := c.address()
	if err != nil {
		return err
	}
	body, err := askFor(address, path)
	if err != nil {
		return err
	}
	var answer struct {
		Notes []admin.Check `json:"notes"`
	}
	_ = json.Unmarshal(body, &answer) // /healthz says no more than ok
	if notes := notesText(answer.Notes); notes != "" {
		_, err = fmt.Fprintf(s.out, "ok; %s\n", notes)
		return err
	}
	_, err = fmt.Fprintln(s.out, "ok")
	return err
}
