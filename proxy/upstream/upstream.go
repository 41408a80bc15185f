// Package upstream gets the bytes of one content from the best place that works: it knows the distribution points
// (DPs), their health and their tokens, and goes on at the next one, at the exact byte, when one fails.
//
// What a DP says is checked before a byte of it is believed: a wrong range, size, date or coding makes that DP a liar for
// this request, and the next one is asked. "Missing" is an answer, no failure. The request target goes out byte for byte
// as the client wrote it. A token of ours goes over TLS to the hosts of its audience, and to nobody else; a client's own to the
// host that the client named, and as Config.TokenHeader says.
//
// Besides the DP that the client named and the configured ones, a site may know who has a content, or the blob of a cloud DP.
// Whom it names stands in for that content alone, and no longer than the site says so.
package upstream

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"time"

	"branchpoint/proxy/content"

	"github.com/prometheus/client_golang/prometheus"
)

// Authorizer supplies tokens. It is used by several goroutines at once.
type Authorizer interface {
	// Authorize puts a token for the audience on h; the stamp names that token. Any error means that there is none.
	Authorize(ctx context.Context, audience string, h http.Header) (stamp uint64, err error)
	// Another does the same with another token than that of the stamp, for one more try after a 401 or a 403 of a host: that may
	// mean that the token has ended, that this host takes it from nobody, or that the file is for nobody.
	Another(ctx context.Context, audience string, stamp uint64, host string, h http.Header) (other uint64, err error)
	// Refused says that a host answered 401 to the token of that stamp.
	Refused(audience string, stamp uint64, host string)
	// Accepted says that a host let it in.
	Accepted(audience string, stamp uint64, host string)
}

// Location is one DP, of the configuration or as a Locator names it.
type Location struct {
	// Base is where its plain virtual directories are: "http://dp1.example" or "https://dp1.example:8443". Required.
	Base string
	// TokenBase is where its CCMTOKENAUTH virtual directories are: "https://dp1.example". Empty means Base when that is
	// https, otherwise https on the host of Base and Config.TokenEndpointPort. It needs an Audience.
	TokenBase string
	// Hierarchy names the site hierarchy that the DP belongs to: its DPs stand in for one another. DPs that leave it empty
	// share one hierarchy. It must not begin with "host:", which is kept for hosts that are not configured. That of a DP which a
	// Locator names is not looked at.
	Hierarchy string
	// Audience is what Config.Tokens is asked for. Empty means that this DP never gets a token of ours.
	Audience string
	// Secure is for a Locator to set: the answer that names the DP came over TLS, from who may say so. See Locator.
	Secure bool
}

// Config is what a Pool is made from. Durations of zero mean the default that the field names; negative ones are refused.
type Config struct {
	// Locations are the configured DPs, in order of preference. None is legal: then only the DP that a client names is asked.
	Locations []Location
	// RootCAs verifies upstream certificates. Nil means the roots of the system. There is no way not to verify.
	RootCAs *x509.CertPool
	// Dial opens connections. Nil means a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Tokens supplies tokens. Nil means that none is ever added to a request.
	Tokens Authorizer
	// Locator knows which other DPs have a content. Nil means that nobody does.
	Locator Locator
	// Elsewhere knows at which other storage services a blob is. Nil means that nobody does.
	Elsewhere Elsewhere
	// TokenVdirs are the virtual directories that take a token. The first is the one that is asked for at a token endpoint.
	// Empty means TokenAuth only.
	TokenVdirs []content.Vdir
	// TokenEndpointPort is the TLS port of the token endpoint of a DP whose Base is plain HTTP. Zero means 443.
	TokenEndpointPort int
	// CredentialHeaders are the request headers by which a client shows a credential of its own. Empty means Authorization.
	CredentialHeaders []string
	// TokenHeader is the request header in which clients show tokens. What a client shows in it to a token directory is good for
	// the audience: when there is no token of ours, other DPs of the audience see it too, for that client's download. Empty:
	// the DP that the client named sees it, and no other.
	TokenHeader string
	// Via is what we add to the Via header of each request, "1.1 name". Empty adds none.
	Via string

	// ConnectTimeout bounds the dial and, again, the TLS handshake. Default 5 s.
	ConnectTimeout time.Duration
	// HeaderTimeout bounds the time to the header of an answer, dialling included. Default 15 s.
	HeaderTimeout time.Duration
	// StallTimeout is how long a body may bring no byte while somebody waits for one. Default 20 s.
	StallTimeout time.Duration
	// GiveUpAfter is how long a download that has begun goes on without a byte from anyone, and how long any one waits for
	// its turn at a DP that has MaxConnsPerHost bodies under way. It is looked at each HeaderTimeout. Default 2 min.
	GiveUpAfter time.Duration
	// CoolDown is how long a DP or a token endpoint that failed is passed over, and the first wait of an open breaker. Default
	// 10 s.
	CoolDown time.Duration
	// CoolDownMax is what the wait of an open breaker grows to, by doubling. Default 5 min, or CoolDown when that is longer.
	CoolDownMax time.Duration
	// RememberAuth is how long a DP that asked for authentication is asked at its token endpoint at once. Default 10 min.
	RememberAuth time.Duration
	// FailuresToOpen is how many failures in a row open a breaker. Zero means 3.
	FailuresToOpen int
	// MaxConnsPerHost bounds the bodies that are taken from one DP at a time; what comes later waits. Zero means 32.
	MaxConnsPerHost int
	// MaxLearned bounds how many hosts that are not configured are remembered. Zero means 256.
	MaxLearned int
	// MaxContents bounds how many content IDs are remembered with the DPs that served them. Zero means 4096.
	MaxContents int

	// Registerer takes the metrics. Nil means none.
	Registerer prometheus.Registerer
	// Logger takes what an operator should know. Nil means silence.
	Logger *slog.Logger
}
