package sim

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ContentServiceConfig says how a content service answers.
type ContentServiceConfig struct {
	// Name tells it apart in Counters. Required.
	Name string
	// Host in its URLs and certificate: that of the cloud DP, or of the cloud management gateway. Empty means "127.0.0.1".
	Host string
	// Names are further names that the certificate is good for.
	Names []string
	// Addr is where Start listens, with https only. Empty means "127.0.0.1:0".
	Addr string
	// AnyAddress is for network namespaces of a test; see DPConfig.
	AnyAddress bool
	// CA issues the certificate. Required.
	CA *CA
	// Storage holds the contents. Required.
	Storage *Storage
	// Issuer is the iss of the URLs. Empty means "CMDP.BRANCH.EXAMPLE".
	Issuer string
	// Life is how long a signed query is good. Zero means 8 hours, as in a published log.
	Life time.Duration
	// BlobLife is how long the signed URLs of a manifest are good. It is not public. Zero means an hour.
	BlobLife time.Duration
	// SignatureHeader is the header that carries the signature of the query. How it really travels is not public. Empty puts
	// it into the query, as "sig".
	SignatureHeader string
	// RefusedStatus answers a query that is not signed, or no longer good: 400, 401 or 403. It is not public. Zero means 403.
	RefusedStatus int
	// Tokens that the service wants besides. Nil wants none.
	Tokens *Tokens
	// CacheControl is what the manifests say about caching, true or not. Empty says nothing.
	CacheControl string
	// Write writes the manifest. Nil means WriteCloudManifest.
	Write ManifestWriter
	// Now tells the time to the signatures. Nil means time.Now.
	Now func() time.Time
	// Counters, Link and Log are as in DPConfig.
	Counters *Counters
	Link     *Link
	Log      *Log
}

// ContentService is the part of a cloud DP, or of a cloud management gateway with content, that tells a client where the
// files of a content are: URLs of blobs, signed for this client. The form of its own URLs is known from a published log
// (memdocs, release notes of client logs); all else about it is not public, and here a setting. It is an http.Handler, and
// a server that can be killed and revived. It is safe for concurrent use.
type ContentService struct {
	*origin

	config ContentServiceConfig
	key    Secret // signs the queries
}

// NewContentService checks the configuration and returns a service that does not listen yet.
func NewContentService(c ContentServiceConfig) (*ContentService, error) {
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("new content service %q: %w", c.Name, err)
	}
	s := &ContentService{config: c, key: NewSecret(rand.Text())}
	var err error
	s.origin, err = newOrigin(originConfig{
		name: c.Name, host: c.Host, names: c.Names, httpsAddr: orDefault(c.Addr, "127.0.0.1:0"), anyAddress: c.AnyAddress, ca: c.CA,
		counters: c.Counters, link: c.Link, log: c.Log, page: iisPage,
	})
	if err != nil {
		return nil, fmt.Errorf("new content service %q: %w", c.Name, err)
	}
	s.handler = s
	return s, nil
}

func (c *ContentServiceConfig) complete() error {
	c.Issuer = orDefault(c.Issuer, "CMDP.BRANCH.EXAMPLE")
	c.Life = orDefault(c.Life, 8*time.Hour)
	c.BlobLife = orDefault(c.BlobLife, time.Hour)
	c.RefusedStatus = orDefault(c.RefusedStatus, http.StatusForbidden)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Write == nil {
		c.Write = WriteCloudManifest
	}
	switch {
	case c.Storage == nil:
		return errors.New("it needs a storage")
	case c.Life < 0:
		return fmt.Errorf("a life of %v is negative", c.Life)
	case c.RefusedStatus != http.StatusBadRequest && c.RefusedStatus != http.StatusUnauthorized && c.RefusedStatus != http.StatusForbidden:
		return fmt.Errorf("status %d refuses nobody: it is neither 400, 401 nor 403", c.RefusedStatus)
	}
	return nil
}
