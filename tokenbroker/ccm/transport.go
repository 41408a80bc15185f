package ccm

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"
)

// TransportConfig says how servers are reached.
type TransportConfig struct {
	// TLS holds the roots that servers are verified with (those of the system if RootCAs is nil; a site with enhanced HTTP
	// signs its own, "SMS Issuing") and the client certificate, if there is one. Nil is the roots of the system. It may not
	// turn verification off. IIS asks for the client certificate in the middle of a connection, which Go can answer in TLS
	// 1.2 only: set MaxVersion for a server that does so in TLS 1.3.
	TLS *tls.Config
	// Dial opens connections. Nil is a net.Dialer with a timeout of 10 s.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Proxy is asked for the proxy of a request. Nil is none, whatever the environment says: this program may be the proxy
	// that the environment names.
	Proxy func(*http.Request) (*url.URL, error)
}

// NewTransport returns a transport that is fit for IIS and for signed messages: HTTP/1.1, nothing decompressed, no proxy
// of the environment. Whoever needs Windows authentication wraps it. Close its idle connections when done.
func NewTransport(config TransportConfig) (*http.Transport, error) {
	settings := config.TLS.Clone()
	if settings == nil {
		settings = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if settings.InsecureSkipVerify {
		return nil, errors.New("ccm transport: certificates of servers are always verified")
	}
	if settings.Renegotiation == tls.RenegotiateNever {
		// IIS asks for a client certificate when it has seen which directory is wanted.
		settings.Renegotiation = tls.RenegotiateOnceAsClient
	}
	dial := config.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  config.Proxy,
		DialContext:            dial,
		TLSClientConfig:        settings,
		TLSHandshakeTimeout:    10 * time.Second,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
		Protocols:              protocols,
	}, nil
}
