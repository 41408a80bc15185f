package main

import (
	"fmt"

	"branchpoint/configs"
)

// configCmd is about the configuration file.
type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Check a file and list everything that is wrong with it."`
	Show  configShowCmd  `cmd:"" help:"Print the configuration that is in force, defaults included. It holds no secrets."`
}

// configCheckCmd checks a file without using it.
type configCheckCmd struct {
	File string `arg:"" help:"The file to check."`
}

// Run says "ok", or fails with every problem of the file.
func (c *configCheckCmd) Run(s *streams) error {
	if _, err := configs.Load(c.File); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s: ok\n", c.File)
	return err
}

// configShowCmd prints a complete configuration.
type configShowCmd struct {
	configFlag
}

// Run prints a file that means the same as the one given.
func (c *configShowCmd) Run(s *streams) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	text, err := configs.Marshal(config)
	if err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	_, err = s.out.Write(text)
	return err
}

// configFlag names the configuration file of a verb.
type configFlag struct {
	Config string `help:"The configuration file. Without one, the defaults are in force." placeholder:"FILE" env:"BRANCHPOINT_CONFIG"`
}

func (f configFlag) load() (*configs.Config, error) {
	if f.Config == "" {
		return configs.Parse(nil)
	}
	return configs.Load(f.Config)
}
