package sim

import (
	"cmp"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
)

// origin is what all servers of a site have in common: they can be killed and revived, their answers suffer faults, and
// what they send is counted and logged. Its owner answers the requests.
type origin struct {
	// Faults may be changed at any time.
	Faults *Faults

	setup    originConfig
	handler  http.Handler // the owner
	conns    *connections
	identity identity
	handlers sync.WaitGroup
	chunks   sync.Pool // of *[bodyChunk]byte

	// life is held while the origin starts or stops; it is taken before open.
	life    sync.Mutex
	servers []*server

	// open is never held while bytes move.
	open      sync.Mutex
	addresses map[string]string // scheme to host:port, fixed by the first Start
	closed    bool
}

// originConfig is the part of an owner's configuration that is about serving. Each field means what the one of the same
// name in DPConfig means.
type originConfig struct {
	name, host          string
	names               []string
	httpAddr, httpsAddr string // empty: not served
	anyAddress          bool
	ca                  *CA
	counters            *Counters
	link                *Link
	log                 *Log
	page                errorPage
	clientAuth          func() tls.ClientAuthType // asked for each handshake; nil: no client certificate is asked for
	lateDemand          bool                      // one may be asked for after a request
}

func newOrigin(c originConfig) (*origin, error) {
	c.host = cmp.Or(c.host, "127.0.0.1")
	if c.counters == nil {
		c.counters = NewCounters()
	}
	if c.log == nil {
		c.log = NewLog(nil)
	}
	switch {
	case c.name == "":
		return nil, errors.New("it needs a name")
	case c.httpsAddr != "" && c.ca == nil:
		return nil, errors.New("https needs a CA")
	}
	names := append([]string{c.host, "127.0.0.1", "localhost"}, c.names...)
	for _, addr := range []string{c.httpAddr, c.httpsAddr} {
		if addr == "" {
			continue
		}
		if err := checkListen(addr, c.anyAddress); err != nil {
			return nil, err
		}
		if host, _, _ := net.SplitHostPort(addr); host != "127.0.0.1" {
			names = append(names, host)
		}
	}
	return &origin{
		Faults:    &Faults{},
		setup:     c,
		conns:     &connections{link: c.link, open: map[uint64]*conn{}},
		identity:  identity{ca: c.ca, names: names},
		addresses: map[string]string{"http": c.httpAddr, "https": c.httpsAddr},
	}, nil
}

// Counters is what the sending is noted in.
func (o *origin) Counters() *Counters { return o.setup.counters }

// Log is where the requests are noted.
func (o *origin) Log() *Log { return o.setup.log }

// Name is the configured name.
func (o *origin) Name() string { return o.setup.name }

// Connections lists every connection since the first start, oldest first.
func (o *origin) Connections() []Connection { return o.conns.list() }

// Address is where it listens for http or https, "127.0.0.1:40123". Empty when it does not; before the first Start it is
// what was configured.
func (o *origin) Address(scheme string) string {
	o.open.Lock()
	defer o.open.Unlock()
	return o.addresses[scheme]
}

func (o *origin) setAddress(scheme, addr string) {
	o.open.Lock()
	defer o.open.Unlock()
	o.addresses[scheme] = addr
}

// URL is the base of its http URLs, or of its https URLs, without a slash at the end: "http://127.0.0.1:40123". Empty when
// it has no such listener.
func (o *origin) URL(scheme string) string {
	_, port, err := net.SplitHostPort(o.Address(scheme))
	if err != nil {
		return ""
	}
	full := net.JoinHostPort(strings.Trim(o.setup.host, "[]"), port)
	if full == hostPort(scheme, o.setup.host) {
		return scheme + "://" + o.setup.host // a default port is not spelled out
	}
	return scheme + "://" + full
}
