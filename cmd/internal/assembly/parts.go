package assembly

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"branchpoint/cache"
	"branchpoint/configs"
	"branchpoint/proxy"
	"branchpoint/proxy/authority"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker"
)

// shared is what several parts are given.
type shared struct {
	log      *slog.Logger
	registry *prometheus.Registry
	roots    *x509.CertPool
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	// authority makes certificates; nil when this machine has none.
	authority *authority.Authority
	via       string // a name that no other instance has, so that a circle of proxies is noticed
}

func newShared(c *configs.Config, doors *doors, log *slog.Logger) (*shared, error) {
	roots, err := rootCAs(c.Upstream.CAFiles)
	if err != nil {
		return nil, err
	}
	authority, err := newAuthority(c, log)
	if err != nil {
		return nil, err
	}
	var name [4]byte
	rand.Read(name[:])
	return &shared{
		log: log, registry: prometheus.NewRegistry(), roots: roots, authority: authority,
		dial: proxy.Guard(time.Duration(c.Upstream.ConnectTimeout), doors.addresses),
		via:  "branchpoint-" + hex.EncodeToString(name[:]),
	}, nil
}

func newBroker(c configs.Token, s *shared) (*tokenbroker.Broker, error) {
	config, err := tokenConfig(c, s.log)
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

func newPool(c *configs.Config, broker *tokenbroker.Broker, s *shared) (*upstream.Pool, error) {
	config := upstreamConfig(c)
	config.RootCAs, config.Dial, config.Tokens, config.Via = s.roots, s.dial, authorizer{broker}, "1.1 "+s.via
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

func newProxy(c *configs.Config, store *cache.Cache, pool *upstream.Pool, broker *tokenbroker.Broker, s *shared) (*proxy.Proxy, error) {
	config := proxy.Config{
		Cache: store, Origins: pool, Manifests: pool, Tokens: newObserver(broker, c.DistributionPoints),
		Dial: s.dial, RootCAs: s.roots, Via: s.via,
		TunnelIdle: time.Duration(c.TunnelIdleTimeout), Served: servedHosts(pool),
		VerdictAge: orInstant(c.Entitlement.VerdictAge), Grace: orInstant(c.Entitlement.Grace),
		InterceptHosts: c.InterceptedNames(), TunnelHosts: c.Interception.TunnelHosts,
		Registerer: s.registry, Logger: s.log,
	}
	if s.authority != nil { // a nil one in an interface would be one
		config.Authority = s.authority
	}
	front, err := proxy.New(config)
	if err != nil {
		return nil, fmt.Errorf("preparing the proxy: %w", err)
	}
	return front, nil
}
