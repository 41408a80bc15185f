// Package assembly puts the parts together into the product, for every command that runs it.
package assembly

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"branchpoint/admin"
	"branchpoint/configs"
)

// Options say what is served, and how it is told to read its configuration again.
type Options struct {
	// Config to begin with. Required.
	Config *configs.Config
	// Load reads the configuration again, as it was read the first time. Nil: it never changes.
	Load func() (*configs.Config, error)
	// Reloads has Load called for each signal. Nil: only the admin API has.
	Reloads <-chan os.Signal
	// Version is what the admin API tells of the program. Required.
	Version string
	// Log takes everything that an operator should know. Required.
	Log *slog.Logger
	// Level is that of Log, to be changed with the configuration. Nil: it stays.
	Level *slog.LevelVar
}

// Serve builds every part once, in order, serves until ctx ends, and takes them down in reverse.
func Serve(ctx context.Context, o Options) (err error) {
	c, log := o.Config, o.Log
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

	at, err := openStation(c, shared)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, at.close()) }()
	defer at.watch(ctx)()

	broker, err := newBroker(c, at, shared)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeBroker(broker)) }()

	pool, err := newPool(c, broker, at, shared)
	if err != nil {
		return err
	}
	defer pool.Close()

	var work sync.WaitGroup // what the admin API started; it ends when the cache is closed
	defer work.Wait()
	store, err := newCache(c, shared)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	observer := newObserver(broker, c)
	front, err := newProxy(c, store, pool, observer, at, shared)
	if err != nil {
		return err
	}
	defer front.Close()

	jobs := openJobs(c, at, pool, store, shared)
	defer func() { err = errors.Join(err, jobs.close()) }()

	if err := doors.open(c, front, shared.files.shown); err != nil {
		return err
	}
	reload := &reloader{
		load: o.Load, level: o.Level, log: log, running: c, files: shared.files,
		shared: shared, doors: doors, station: at, jobs: jobs, broker: broker, pool: pool, store: store, front: front, observer: observer,
	}
	defer reload.during(ctx, o.Reloads)()
	api, err := newAPI(o, token, reload, work.Go)
	if err != nil {
		return err
	}
	return doors.serve(ctx, api, time.Duration(c.ShutdownTimeout), log)
}

// newAPI makes the admin API of what can be reloaded, which is everything.
func newAPI(o Options, token admin.Token, r *reloader, background func(func())) (*admin.Server, error) {
	config := admin.Config{
		Version: o.Version, Token: token,
		Listeners: r.doors.status, Store: r.store, Contents: r.store, Upstreams: r.pool, Tokens: r.broker, Learned: r.front,
		Interception: r.front.Interception, Reload: r.Reload,
		Registry: r.shared.registry, Background: background, Logger: o.Log,
	}
	if r.jobs.all != nil { // a nil one in an interface would be one
		config.Precache = r.jobs.all
	}
	if r.station != nil {
		config.Site = r.station.site.Status
	}
	api, err := admin.New(config)
	if err != nil {
		return nil, fmt.Errorf("starting the admin API: %w", err)
	}
	return api, nil
}
