package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

const (
	// readTimeout bounds a whole request: bodies are small.
	readTimeout = 10 * time.Second
	// writeTimeout bounds an answer: the list of contents of a big cache takes a moment.
	writeTimeout   = time.Minute
	idleTimeout    = 2 * time.Minute
	maxHeader      = 16 << 10
	maxConnections = 256
)

// Serve answers on ln until ctx ends, then lets running requests finish for at most drain. It returns nil when it ended
// because of ctx. It closes ln. It refuses an address that other machines reach: reading needs no token.
func (s *Server) Serve(ctx context.Context, ln net.Listener, drain time.Duration) error {
	if tcp, ok := ln.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		err := fmt.Errorf("admin: %s is not a loopback address", ln.Addr())
		return errors.Join(err, ln.Close())
	}
	server := &http.Server{
		Handler: s, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	drained := make(chan struct{})
	running := context.AfterFunc(ctx, func() {
		defer close(drained)
		final, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		if server.Shutdown(final) != nil {
			_ = server.Close() // what is cut now had its time
		}
	})
	err := server.Serve(netutil.LimitListener(ln, maxConnections))
	if running() {
		return fmt.Errorf("admin: %w", err) // it ended by itself
	}
	<-drained
	return nil
}
