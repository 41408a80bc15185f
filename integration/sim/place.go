package sim

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// Place is where a DP is and what it is called.
type Place struct {
	// Host in the URLs. Empty means "127.0.0.1".
	Host string
	// HTTPAddr and HTTPSAddr are where it listens. A DP without https leaves the latter alone.
	HTTPAddr, HTTPSAddr string
}

// CloudPlace is where the cloud of a site is. Everything in it has https only.
type CloudPlace struct {
	// Service and Storage are those of the content service and of the blobs; their http addresses do not count. Zero means
	// free ports of 127.0.0.1.
	Service, Storage Place
	// BlobLife is how long a signed URL of a blob is good. Zero means an hour.
	BlobLife time.Duration
	// Tokens that the content service wants beside its signed query; the management point issues them. Nil wants none.
	Tokens *Tokens
}

func (s *Site) makeCloud(c SiteConfig) (err error) {
	storage := StorageConfig{
		Name: "storage", Host: c.Cloud.Storage.Host, Addr: c.Cloud.Storage.HTTPSAddr, AnyAddress: c.AnyAddress, Library: s.Library, CA: s.CA,
		Counters: s.Counters, Log: s.Log,
	}
	service := ContentServiceConfig{
		Name: "cloud", Host: c.Cloud.Service.Host, Addr: c.Cloud.Service.HTTPSAddr, AnyAddress: c.AnyAddress, CA: s.CA,
		BlobLife: c.Cloud.BlobLife, Tokens: c.Cloud.Tokens, Counters: s.Counters, Log: s.Log,
	}
	if c.Link != nil {
		if storage.Link, err = NewLink(*c.Link); err != nil {
			return err
		}
		service.Link = storage.Link
	}
	if s.Storage, err = NewStorage(storage); err != nil {
		return err
	}
	service.Storage = s.Storage
	s.Cloud, err = NewContentService(service)
	return err
}

// places is where the four DPs are.
func (c *SiteConfig) places() ([]Place, error) {
	switch {
	case c.Places == nil:
	case c.BasePort != 0 || c.Host != "":
		return nil, errors.New("places stand instead of host and base port")
	case len(c.Places) != 4:
		return nil, fmt.Errorf("%d places for four DPs", len(c.Places))
	default:
		return c.Places, nil
	}
	port := c.BasePort
	address := func() string {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if port != 0 {
			port++
		}
		return addr
	}
	places := make([]Place, 4)
	for i := range places {
		places[i] = Place{Host: c.Host, HTTPAddr: address()}
		if i < 2 {
			places[i].HTTPSAddr = address()
		}
	}
	return places, nil
}
