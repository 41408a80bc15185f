package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"branchpoint/cmd/internal/assembly"
	"branchpoint/configs"
)

// serveCmd runs the product.
type serveCmd struct {
	configFlag
	LogLevel string `help:"debug, info, warn or error; overrides log.level." enum:",debug,info,warn,error" default:"" placeholder:"LEVEL"`
}

// load returns the configuration that is to be in force.
func (c *serveCmd) load() (*configs.Config, error) {
	config, err := c.configFlag.load()
	if err == nil && c.LogLevel != "" {
		config.Log.Level = c.LogLevel
	}
	return config, err
}

// Run serves until an interrupt or a termination signal. A second one does not wait for running requests.
func (c *serveCmd) Run(s *streams) error {
	reloads, end := reloadSignals() // first of all: who asks early must not end the program
	defer end()
	config, err := c.load()
	if err != nil {
		return err
	}
	log, level, err := newLogger(config.Log, s.err)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	told := make(chan struct{})
	unasked := context.AfterFunc(ctx, func() {
		defer close(told)
		stop() // from now on a signal ends the process, as it would by default
		log.Info("shutting down; a second signal does not wait", "at_most", config.ShutdownTimeout.String())
	})
	err = assembly.Serve(ctx, assembly.Options{
		Config: config, Load: c.load, Reloads: reloads, Version: version(), Log: log, Level: level,
	})
	if !unasked() {
		<-told
	}
	if err == nil {
		log.Info("stopped")
	}
	return err
}
