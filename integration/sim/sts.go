package sim

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// TokenServiceConfig says which tokens a token service takes, and where those that it issues are good.
type TokenServiceConfig struct {
	STSSettings

	// Name tells it apart in its log. Empty means "CCM_STS".
	Name string
	// CCMTokens accept what it issues: those of the gateway and of the directories for tokens. Required.
	CCMTokens *Tokens
	// Entra issues the tokens that it takes of devices and users. Nil: it takes bulk registration tokens only.
	Entra *Entra
	// Hierarchy is the GUID of the site's hierarchy, which its tokens name. Empty makes one.
	Hierarchy string
	// Log is as in DPConfig.
	Log *Log
}

// TokenService is CCM_STS: it exchanges the token of a device in Entra, or a bulk registration token, for a CCM token (memdocs
// "azure-ccmsetup", "deploy-clients-cmg-token"). It is an http.Handler and listens nowhere: a management point serves it. Verb,
// carriage and form of the exchange are not public; see STSSettings. It is safe for concurrent use.
type TokenService struct {
	// Faults may be changed at any time.
	Faults *Faults

	front  *origin // never started
	config TokenServiceConfig
	signer jwtSigner
	counts tally[STSExchange]
	under  crowd[struct{}]

	// mu guards what can be changed while it serves.
	mu       sync.Mutex
	settings STSSettings
	blocked  map[string]bool   // bulk tokens, by their UniqueId
	bound    map[string]string // SMSID of a device, by its id in lower case
}

// STSExchange is what became of requests to a token service.
type STSExchange struct {
	// Kind of the token that was shown: "device", "user" or "bulk". Empty: nobody could tell.
	Kind string
	// Holder of it: the GUID of the device or of the user, or the UniqueId of a bulk token. Lower case.
	Holder string
	// Refused is why no token was issued. Empty: one was.
	Refused string
}

// NewTokenService checks the configuration and returns a service.
func NewTokenService(c TokenServiceConfig) (*TokenService, error) {
	c.Name = cmp.Or(c.Name, "CCM_STS")
	c.Hierarchy = cmp.Or(strings.ToLower(c.Hierarchy), newGUID())
	settings, err := c.STSSettings.complete()
	switch {
	case err != nil:
	case c.CCMTokens == nil:
		err = errors.New("it needs the tokens that it issues into")
	case !guid.MatchString(c.Hierarchy):
		err = fmt.Errorf("the hierarchy %q is no GUID", c.Hierarchy)
	}
	if err != nil {
		return nil, fmt.Errorf("new token service %q: %w", c.Name, err)
	}
	s := &TokenService{config: c, settings: settings, blocked: map[string]bool{}, bound: map[string]string{}}
	if s.signer, err = newJWTSigner(); err == nil {
		s.front, err = newOrigin(originConfig{name: c.Name, log: c.Log, page: iisPage})
	}
	if err != nil {
		return nil, fmt.Errorf("new token service %q: %w", c.Name, err)
	}
	s.Faults = s.front.Faults
	return s, nil
}

// Close lifts the faults, and waits for the requests under way.
func (s *TokenService) Close() error { return s.front.Close() }

// Settings are those in force.
func (s *TokenService) Settings() STSSettings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// Change changes settings. It refuses those that make no sense, and then leaves everything as it was.
func (s *TokenService) Change(change func(*STSSettings)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.settings
	change(&next)
	next, err := next.complete()
	if err != nil {
		return fmt.Errorf("change the token service %q: %w", s.config.Name, err)
	}
	s.settings = next
	return nil
}

// Bind makes the tokens of a device name its SMSID, as they do after it has registered.
func (s *TokenService) Bind(device, smsid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bound[strings.ToLower(device)] = smsid
}

// Issued is how many tokens were issued to a device, a user, or the holder of a bulk token; to all when holder is empty.
func (s *TokenService) Issued(holder string) int {
	return s.counts.sum(func(e STSExchange) bool {
		return e.Refused == "" && (holder == "" || strings.EqualFold(holder, e.Holder))
	})
}

// AtOnce is how many requests were under way at one moment, at most.
func (s *TokenService) AtOnce() int { return s.under.peak(func(struct{}) bool { return true }) }

// Exchanges counts the requests by what became of them. Those that a fault answered are not among them.
func (s *TokenService) Exchanges() map[STSExchange]int { return s.counts.all() }

var _ http.Handler = (*TokenService)(nil)
