package sim

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ClientConfig is what all simulated clients have in common.
type ClientConfig struct {
	// Library is the truth that every byte is compared with. Required.
	Library *Library
	// Proxy is an explicit http proxy: plain requests go to it in absolute-form, https through CONNECT. Nil goes straight to
	// the DP.
	Proxy *url.URL
	// Resolve says where a "host:port" (lower case, with the port) really is: the "address:port" to connect to instead.
	// URL, Host header, CONNECT and TLS keep the name. With it a client comes to a gateway by an alias, or to a place that
	// redirects it. Nil, and a name that is not in it, mean what the system says.
	Resolve map[string]string
	// RootCAs verifies https: a certificate that does not chain to it, has expired or is another name's ends the connection.
	// Nil means the system's.
	RootCAs *x509.CertPool
	// Certificate is shown to a server that asks for a client certificate. Nil means none.
	Certificate *tls.Certificate
	// UserAgent of every request. Empty means the one of the real client.
	UserAgent string
	// Token is shown with every request to a DP. Empty means none.
	Token Secret
	// TokenHeader and TokenFormat say how; the same defaults as TokensConfig.
	TokenHeader, TokenFormat string
	// Account answers a request for Windows authentication. Nil means that 401 is final.
	Account *Account
	// Header is added to every request to a DP. It must hold no secret. Nil adds nothing.
	Header http.Header
	// IdleTimeout ends a connection that brings nothing for so long. Zero means 30 seconds.
	IdleTimeout time.Duration
}

func (c *ClientConfig) complete(userAgent string) error {
	c.UserAgent = orDefault(c.UserAgent, userAgent)
	c.TokenHeader = orDefault(c.TokenHeader, "Authorization")
	c.TokenFormat = orDefault(c.TokenFormat, "Bearer {token}")
	c.IdleTimeout = orDefault(c.IdleTimeout, 30*time.Second)
	switch {
	case c.Library == nil:
		return errors.New("new client: it needs a library to compare with")
	case c.Proxy != nil && (c.Proxy.Scheme != "http" || c.Proxy.Host == ""):
		return fmt.Errorf("new client: proxy %q is not an http URL", c.Proxy.Redacted())
	case !strings.Contains(c.TokenFormat, "{token}"):
		return fmt.Errorf("new client: token format %q has no {token}", c.TokenFormat)
	case c.IdleTimeout < 0:
		return fmt.Errorf("new client: idle timeout %v is negative", c.IdleTimeout)
	}
	return checkResolve(c.Resolve)
}

// Result is what became of one file.
type Result struct {
	// URL that was asked for last; without its query when that is a secret.
	URL string
	// File is what the bytes turned out to be: one version of the library's file, from the first byte to the last. Nil
	// unless all is well.
	File *File
	// Status and Header of the last answer, zero when there was none.
	Status int
	Header http.Header
	// Issuer is the common name of who issued the certificate of the last https server, which was verified. It tells a proxy
	// that looks into TLS from one that does not.
	Issuer string
	// Bytes is what was received of the file and compared, also what was thrown away later.
	Bytes int64
	// Requests that were sent, Connections that were made, Retries after trouble, Restarts of the file because it changed,
	// Renewals of a signed URL.
	Requests, Connections, Retries, Restarts, Renewals int
	// Started is when the client began.
	Started time.Time
	// FirstByte is the time from the start to the first byte of the file; zero when none came. Took is the whole time.
	FirstByte, Took time.Duration
	// Troubles is what was survived.
	Troubles []error
	// Err is why the file is not there; nil when it is, complete and right.
	Err error
}

// ContentResult is what became of a content.
type ContentResult struct {
	// Location that supplied the manifest.
	Location string
	// ManifestTries is how many PROPFIND requests were sent.
	ManifestTries int
	// Files in the order of the manifest, as far as they were tried.
	Files []Result
	// Troubles is what was survived besides that of the files.
	Troubles []error
	// Err is why the content is not there; nil when every file is.
	Err error
}

// Bytes is the sum over all files.
func (r ContentResult) Bytes() int64 {
	var sum int64
	for _, f := range r.Files {
		sum += f.Bytes
	}
	return sum
}

// clock fills in the times of a result.
type clock struct {
	result *Result
}

// startClock starts with the first try; later ones go on.
func startClock(r *Result) clock {
	if r.Started.IsZero() {
		r.Started = time.Now()
	}
	return clock{r}
}

func (c clock) gotBytes(n int) {
	if n > 0 && c.result.FirstByte == 0 {
		c.result.FirstByte = max(1, time.Since(c.result.Started))
	}
	c.result.Bytes += int64(n)
}

func (c clock) stop() { c.result.Took = time.Since(c.result.Started) }
