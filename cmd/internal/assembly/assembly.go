// Package assembly puts the parts together into the product, for every command that runs it.
package assembly

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"branchpoint/admin"
	"branchpoint/configs"
)

// Serve builds every part once, in order, serves until ctx ends, and takes them down in reverse. version is what the admin
// API tells of the program.
func Serve(ctx context.Context, c *configs.Config, version string, log *slog.Logger) (err error) {
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
	store, err := newCache(c, shared)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	front, err := newProxy(c, store, pool, broker, shared)
	if err != nil {
		return err
	}
	defer front.Close()

	if err := doors.open(c, front, shared.authority); err != nil {
		return err
	}
	api, err := admin.New(admin.Config{
		Version: version, Token: token,
		Listeners: doors.status, Store: store, Contents: store, Upstreams: pool, Tokens: broker, Learned: front,
		Interception: front.Interception,
		Registry:     shared.registry, Background: work.Go, Logger: log,
	})
	if err != nil {
		return fmt.Errorf("starting the admin API: %w", err)
	}
	return doors.serve(ctx, api, time.Duration(c.ShutdownTimeout), log)
}
