package main

import (
	"errors"
	"fmt"
	"io"

	"branchpoint/cmd/internal/atsite"
	"branchpoint/configs"
	"branchpoint/proxy/authority"
)

// configCmd is about the configuration file.
type configCmd struct {
	Check   configCheckCmd   `cmd:"" help:"Check a file and list everything that is wrong with it."`
	Show    configShowCmd    `cmd:"" help:"Print the configuration that is in force, defaults included. It holds no secrets."`
	Example configExampleCmd `cmd:"" help:"Print a commented file with every setting and its default, to begin with."`
}

// configCheckCmd checks a file without using it.
type configCheckCmd struct {
	File string `arg:"" help:"The file to check."`
}

// Run says "ok", or fails with every problem of the file.
func (c *configCheckCmd) Run(s *streams) error {
	if err := configs.Check(c.File); err != nil {
		return &configError{err}
	}
	config, err := configFlag{c.File}.load()
	if err != nil {
		return err
	}
	if _, err := authority.ParseNames(config.AuthorityNames()); err != nil {
		return &configError{fmt.Errorf("no certificate authority can be made for %s: %w", c.File, err)}
	}
	ends, err := atsite.Open(config, atsite.Options{SettingsOnly: true})
	switch {
	case err == nil:
		ends.Close()
	case !errors.Is(err, atsite.ErrNoSite):
		return &configError{fmt.Errorf("%s: the site cannot be asked: %w", c.File, err)}
	}
	_, err = fmt.Fprintf(s.out, "%s: ok\n", c.File)
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

// configExampleCmd prints the manual of the configuration file, which is one itself.
type configExampleCmd struct{}

// Run prints the file.
func (configExampleCmd) Run(s *streams) error {
	_, err := io.WriteString(s.out, configs.Example())
	return err
}

// configError says that the configuration cannot be used.
type configError struct{ error }

// Unwrap implements errors.Unwrap.
func (e *configError) Unwrap() error { return e.error }

// configFlag names the configuration file of a verb.
type configFlag struct {
	Config string `help:"The configuration file. Without one, the defaults are in force." env:"BRANCHPOINT_CONFIG" placeholder:"FILE"`
}

func (f configFlag) load() (c *configs.Config, err error) {
	if f.Config == "" {
		c, err = configs.Parse(nil)
	} else {
		c, err = configs.Load(f.Config)
	}
	if err != nil {
		return nil, &configError{err}
	}
	return c, nil
}
