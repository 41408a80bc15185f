package sim

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"
)

// DPConfig says what a DP serves and how.
type DPConfig struct {
	// Name tells DPs apart in Counters, and makes their ETags differ. Required.
	Name string
	// Host in the DP's URLs and certificate: it must resolve to 127.0.0.1 for those who use it. Empty means "127.0.0.1".
	Host string
	// Names are further names that the certificate is good for. Host, "127.0.0.1" and "localhost" always are.
	Names []string
	// Library is what the DP serves. Required.
	Library *Library
	// HTTPAddr is where Start listens for http, "127.0.0.1:0" for any port. Empty means no http, unless HTTPSAddr is
	// empty too; then it means "127.0.0.1:0".
	HTTPAddr string
	// HTTPSAddr is where Start listens for https. Empty means no https.
	HTTPSAddr string
	// AnyAddress lets the DP listen on addresses that are not loopback. It is for network namespaces of a test only:
	// elsewhere a DP, with its made-up accounts, has no business on a network. URL and Location still name Host.
	AnyAddress bool
	// CA issues the certificate for https, and is the root of client certificates. Required with HTTPSAddr.
	CA *CA
	// Access is how each virtual directory lets requests in. One that is not named is not there. Nil means that VdirPlain is
	// anonymous.
	Access map[Vdir]Access
	// Demand is when AccessCertificate asks for the certificate. Zero asks in the handshake.
	Demand CertificateDemand
	// Accounts may log in with Windows authentication. Empty means nobody.
	Accounts []Account
	// Tokens for AccessToken. Required when a directory has that.
	Tokens *Tokens
	// ACLStatus refuses an account that a package's access list leaves out: 401 or 403. Zero means 401.
	ACLStatus int
	// EmptyRangeStatus answers a Range on an empty file: 200 or 416. What IIS does is not public. Zero means 200.
	EmptyRangeStatus int
	// TimeShift moves all Last-Modified times of this DP, in whole seconds. Zero shows the library's own.
	TimeShift time.Duration
	// Counters notes what is sent. Nil means counters of its own.
	Counters *Counters
	// Link puts the DP far away. Nil means no delay and no limit.
	Link *Link
	// Log receives one W3C line a request. Nil means a log in memory only.
	Log *Log
}

// DP is a distribution point: an http.Handler, and servers on loopback that can be killed and revived. It is safe for
// concurrent use.
type DP struct {
	*origin

	config DPConfig

	// mu guards what can be changed while the DP serves. It is never held while bytes move.
	mu         sync.Mutex
	access     map[Vdir]Access
	acl        map[string][]string // content in lower case: who may have it, DOMAIN\name in lower case
	newest     map[string]int      // content in lower case: the newest version that this DP has
	listing    bool
	davRole    bool
	propWriter PropWriter
	signatures map[string][]byte
}

// NewDP checks the configuration and returns a DP that does not listen yet.
func NewDP(c DPConfig) (*DP, error) {
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("new DP %q: %w", c.Name, err)
	}
	d := &DP{
		config:     c,
		access:     maps.Clone(c.Access),
		acl:        map[string][]string{},
		newest:     map[string]int{},
		listing:    true,
		propWriter: WriteMultistatus,
		signatures: map[string][]byte{},
	}
	var err error
	d.origin, err = newOrigin(originConfig{
		name: c.Name, host: c.Host, names: c.Names, httpAddr: c.HTTPAddr, httpsAddr: c.HTTPSAddr, anyAddress: c.AnyAddress, ca: c.CA,
		counters: c.Counters, link: c.Link, log: c.Log, page: iisPage, clientAuth: d.clientAuth,
		lateDemand: c.Demand == DemandAfterRequest,
	})
	if err != nil {
		return nil, fmt.Errorf("new DP %q: %w", c.Name, err)
	}
	d.handler = d
	return d, nil
}

func (c *DPConfig) complete() error {
	c.ACLStatus = cmp.Or(c.ACLStatus, http.StatusUnauthorized)
	c.EmptyRangeStatus = cmp.Or(c.EmptyRangeStatus, http.StatusOK)
	if c.HTTPAddr == "" && c.HTTPSAddr == "" {
		c.HTTPAddr = "127.0.0.1:0"
	}
	if c.Access == nil {
		c.Access = map[Vdir]Access{VdirPlain: AccessAnonymous}
	}
	switch {
	case c.Library == nil:
		return errors.New("it needs a library")
	case c.Demand > DemandAfterRequest:
		return fmt.Errorf("there is no certificate demand %d", c.Demand)
	case c.ACLStatus != http.StatusUnauthorized && c.ACLStatus != http.StatusForbidden:
		return fmt.Errorf("ACL status %d is neither 401 nor 403", c.ACLStatus)
	case c.EmptyRangeStatus != http.StatusOK && c.EmptyRangeStatus != http.StatusRequestedRangeNotSatisfiable:
		return fmt.Errorf("empty-range status %d is neither 200 nor 416", c.EmptyRangeStatus)
	}
	return c.checkAccess(c.Access)
}

func (c *DPConfig) checkAccess(access map[Vdir]Access) error {
	for vdir, a := range access {
		switch {
		case vdir >= vdirs || a > AccessToken:
			return fmt.Errorf("no such virtual directory (%d) or access (%d)", vdir, a)
		case a == AccessToken && c.Tokens == nil:
			return fmt.Errorf("directory %q wants tokens, but none are configured", vdir)
		case a == AccessWindows && len(c.Accounts) == 0:
			return fmt.Errorf("directory %q wants Windows authentication, but there is no account", vdir)
		case (a == AccessToken || a == AccessCertificate) && c.HTTPSAddr == "":
			return fmt.Errorf("directory %q needs https", vdir)
		}
	}
	return nil
}
