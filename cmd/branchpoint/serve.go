package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"branchpoint/admin"
	"branchpoint/configs"
)

// serveCmd runs the product.
type serveCmd struct {
	configFlag
	LogLevel string `help:"debug, info, warn or error; overrides log.level." enum:",debug,info,warn,error" default:"" placeholder:"LEVEL"`
}

// Run serves until an interrupt or a termination signal. A second one does not wait for running requests.
func (c *serveCmd) Run(s *streams) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	log, err := newLogger(config.Log, c.LogLevel, s.err)
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
	err = serve(ctx, config, log)
	if !unasked() {
		<-told
	}
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// serve builds every part once, in order, and takes them down in reverse.
func serve(ctx context.Context, c *configs.Config, log *slog.Logger) (err error) {
	doors, err := openDoors(c)
	if err != nil {
		return err
	}
	defer doors.close()
	token, err := adminToken(c.Admin.TokenFile, log)
	if err != nil {
		return err
	}
	shared, err := newShared(c, doors, log)
	if err != nil {
		return err
	}

	broker, err := newBroker(c.Token, shared)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeBroker(broker)) }()

	pool, err := newPool(c, broker, shared)
	if err != nil {
		return err
	}
	defer pool.Close()

	var work sync.WaitGroup // what the admin API started; it ends when the cache is closed
	defer work.Wait()
	store, err := newCache(c.Cache, shared)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	front, err := newProxy(c, store, pool, broker, shared)
	if err != nil {
		return err
	}
	defer front.Close()

	api, err := admin.New(admin.Config{
		Version: version(), Token: token, Local: addrPort(doors.admin).Addr().IsLoopback(), Hosts: []string{hostName()},
		Listeners: doors.status, Store: store, Contents: store, Upstreams: pool, Tokens: broker,
		Registry: shared.registry, Background: work.Go, Logger: log,
	})
	if err != nil {
		return fmt.Errorf("starting the admin API: %w", err)
	}
	return doors.serve(ctx, front, api, time.Duration(c.ShutdownTimeout), log)
}
