package sim

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"
)

// StorageConfig says what a Storage holds and how it serves.
type StorageConfig struct {
	// Name stands for the storage in Counters, and makes its ETags. Required.
	Name string
	// Host in the URLs and certificate, like "account.blob.core.windows.net": its first label is the account. It must resolve
	// to Addr for those who use it. Empty means "127.0.0.1".
	Host string
	// Names are further names that the certificate is good for.
	Names []string
	// Library is what it holds: a container for each version of a content. Required.
	Library *Library
	// Addr is where Start listens, with https only. Empty means "127.0.0.1:0".
	Addr string
	// AnyAddress is for network namespaces of a test; see DPConfig.
	AnyAddress bool
	// CA issues the certificate. Required.
	CA *CA
	// Key is the account's, in base64. Empty makes one.
	Key Secret
	// ContentMD5 tells the MD5 of each blob, for which the first request reads the whole blob. It is what Azure does when
	// whoever uploaded the blob has told one.
	ContentMD5 bool
	// Now tells the time to the signatures. Nil means time.Now.
	Now func() time.Time
	// Counters, Link and Log are as in DPConfig.
	Counters *Counters
	Link     *Link
	Log      *Log
}

// Storage is a blob storage account of Azure, as far as a client with signed URLs sees it: Get Blob and Get Blob Properties
// with a service SAS (Storage REST docs "Get Blob", "Get Blob Properties", "Create a service SAS"). How a site lays its
// contents out in containers is not public; here a version of a content is a container, and each file a blob. It is an
// http.Handler, and a server that can be killed and revived. It is safe for concurrent use.
type Storage struct {
	*origin

	config StorageConfig

	// mu guards what can be changed while the storage serves.
	mu       sync.Mutex
	revoked  map[string]bool // holders of signed URLs
	noHead   bool
	replaced map[string]*File // by container/path
}

// NewStorage checks the configuration and returns a storage that does not listen yet.
func NewStorage(c StorageConfig) (*Storage, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Key.Empty() {
		key := make([]byte, 64)
		_, _ = rand.Read(key) // never fails
		c.Key = NewSecret(base64.StdEncoding.EncodeToString(key))
	}
	if c.Library == nil {
		return nil, fmt.Errorf("new storage %q: it needs a library", c.Name)
	}
	if _, err := base64.StdEncoding.DecodeString(c.Key.Reveal()); err != nil {
		return nil, fmt.Errorf("new storage %q: %w", c.Name, errors.New("the key is not in base64"))
	}
	s := &Storage{config: c, revoked: map[string]bool{}, replaced: map[string]*File{}}
	var err error
	s.origin, err = newOrigin(originConfig{
		name: c.Name, host: c.Host, names: c.Names, httpsAddr: orDefault(c.Addr, "127.0.0.1:0"), anyAddress: c.AnyAddress, ca: c.CA,
		counters: c.Counters, link: c.Link, log: c.Log, page: azurePage,
	})
	if err != nil {
		return nil, fmt.Errorf("new storage %q: %w", c.Name, err)
	}
	s.handler = s
	return s, nil
}

// Revoke makes the signed URLs of a holder worthless, as removing its stored access policy does. Those that are signed
// after Admit work again.
func (s *Storage) Revoke(holder string) { s.setRevoked(holder, true) }

// Admit undoes Revoke: the URLs work again for as long as they were signed for.
func (s *Storage) Admit(holder string) { s.setRevoked(holder, false) }

func (s *Storage) setRevoked(holder string, revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[holder] = revoked
}

// SetHead says whether a signed URL is good for HEAD. In Azure one that may be read always is; other stores sign a URL for
// one method.
func (s *Storage) SetHead(allowed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noHead = !allowed
}
