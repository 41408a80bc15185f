package assembly

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/cache"
	"branchpoint/configs"
	"branchpoint/proxy"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker"
)

// shared is what several parts are given.
type shared struct {
	log      *slog.Logger
	registry *prometheus.Registry
	files    files // at the start
	guard    *guard
	via      string // a name that no other instance has, so that a circle of proxies is noticed
}

func newShared(c *configs.Config, doors *doors, log *slog.Logger) (*shared, error) {
	read, err := firstFiles(c, log)
	if err != nil {
		return nil, err
	}
	tellOfAuthority(c, read.authority, log)
	var name [4]byte
	rand.Read(name[:])
	return &shared{
		log: log, registry: prometheus.NewRegistry(), files: read,
		guard: newGuard(doors.addresses, c.Upstream.ConnectTimeout),
		via:   "branchpoint-" + hex.EncodeToString(name[:]),
	}, nil
}

func newBroker(c *configs.Config, at *station, s *shared) (*tokenbroker.Broker, error) {
	config, err := tokenConfig(c, at, s.log)
	if err != nil {
		return nil, err
	}
	config.Registerer, config.Logger = s.registry, s.log
	broker, err := tokenbroker.New(config)
	if err != nil {
		return nil, fmt.Errorf("preparing tokens: %w", err)
	}
	return broker, nil
}

// closeBroker gives sources a moment to let go.
func closeBroker(broker *tokenbroker.Broker) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := broker.Close(ctx); err != nil {
		return fmt.Errorf("ending the token broker: %w", err)
	}
	return nil
}

// poolConfig is what may change while the pool is used.
func poolConfig(c *configs.Config, read files) upstream.Config {
	config := upstreamConfig(c)
	config.RootCAs = read.roots
	return config
}

func newPool(c *configs.Config, broker *tokenbroker.Broker, at *station, s *shared) (*upstream.Pool, error) {
	config := poolConfig(c, s.files)
	config.Dial, config.Tokens, config.Via = s.guard.dial, authorizer{broker}, "1.1 "+s.via
	if at != nil { // a nil one in an interface would be one
		config.Locator, config.Elsewhere = at.locator, at.locator
	}
	config.Registerer, config.Logger = s.registry, s.log
	pool, err := upstream.New(config)
	if err != nil {
		return nil, fmt.Errorf("preparing the distribution points: %w", err)
	}
	return pool, nil
}

func newCache(c *configs.Config, s *shared) (*cache.Cache, error) {
	config := cacheConfig(c.Cache)
	_, config.OpenFiles = fit(c, descriptors())
	config.Registerer, config.Logger = s.registry, s.log
	store, err := cache.New(config)
	if errors.Is(err, cache.ErrLocked) {
		return nil, fmt.Errorf("the cache directory %s is in use by another Branchpoint; stop it or choose another cache.directory",
			c.Cache.Directory)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the cache directory %s: %w", c.Cache.Directory, err)
	}
	s.log.Info("content is kept in "+c.Cache.Directory, "max_bytes", c.Cache.MaxBytes.String(), "min_free_bytes", c.Cache.MinFreeBytes.String())
	return store, nil
}

// proxyConfig is what may change while the proxy is used.
func proxyConfig(c *configs.Config, read files) proxy.Config {
	config := proxy.Config{
		RootCAs: read.roots, TunnelIdle: time.Duration(c.TunnelIdleTimeout),
		VerdictAge: orInstant(c.Entitlement.VerdictAge), Grace: orInstant(c.Entitlement.Grace),
		InterceptHosts: c.InterceptedNames(), TunnelHosts: c.Interception.TunnelHosts, BlobHosts: c.Cloud.BlobHosts,
		SiteHosts: c.SiteHosts(),
	}
	if read.authority != nil { // a nil one in an interface would be one
		config.Authority = read.authority
	}
	return config
}

func newProxy(c *configs.Config, store *cache.Cache, pool *upstream.Pool, tokens *observer, at *station, s *shared) (*proxy.Proxy, error) {
	config := proxyConfig(c, s.files)
	config.Cache, config.Origins, config.Manifests, config.Served = store, pool, pool, servedHosts(pool)
	config.Tokens, config.Keys, config.Dial, config.Via = tokens, authorizer{tokens.broker}, s.guard.dial, s.via
	if at != nil {
		config.Reader = passing{at.site}
	}
	config.Registerer, config.Logger = s.registry, s.log
	front, err := proxy.New(config)
	if err != nil {
		return nil, fmt.Errorf("preparing the proxy: %w", err)
	}
	return front, nil
}
