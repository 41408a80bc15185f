package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	"branchpoint/proxy/hop"
)

// conns are the connections to DPs, made as one configuration says.
type conns struct {
	hop.Retiring
	cfg Config
}

// newConns speaks HTTP/1.1 only, as IIS wants it for Windows authentication, through no proxy, and changes no body.
func newConns(cfg Config) *conns {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	c := &conns{cfg: cfg}
	c.Transport = &http.Transport{
		Protocols:              protocols,
		DialContext:            c.dialInTime,
		TLSClientConfig:        &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    cfg.ConnectTimeout,
		DisableCompression:     true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    cfg.MaxConnsPerHost,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ReadBufferSize:         64 << 10,
	}
	return c
}

// fit tells whether the connections are those that cfg would have made.
func (c *conns) fit(cfg Config) bool {
	return c.cfg.ConnectTimeout == cfg.ConnectTimeout && c.cfg.MaxConnsPerHost == cfg.MaxConnsPerHost && c.cfg.RootCAs.Equal(cfg.RootCAs)
}

// maxIdle is how many idle connections are kept, of all hosts: a client may name any number of them.
const maxIdle = 256

// shortPause is the wait for a descriptor that somebody else gives back.
const shortPause = 20 * time.Millisecond

// dialInTime connects within ConnectTimeout: net/http lets a dial go on when its request has ended.
func (c *conns) dialInTime(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.ConnectTimeout)
	defer cancel()
	conn, err := c.dial(ctx, network, address)
	if err != nil {
		return nil, dialError{err}
	}
	return conn, nil
}

// dial connects. When the process has no descriptor left, that says nothing of the DP: idle connections are given up, and
// it waits for its turn.
func (c *conns) dial(ctx context.Context, network, address string) (net.Conn, error) {
	for {
		conn, err := c.cfg.Dial(ctx, network, address)
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
			return conn, err
		}
		c.CloseIdleConnections()
		select {
		case <-time.After(shortPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}
