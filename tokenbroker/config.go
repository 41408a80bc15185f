package tokenbroker

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// DefaultMaxAge is the life of the token that a CCM token service issues (Microsoft Learn, "Configure Azure Active
	// Directory authentication workflow"). The life of a DP token is not public.
	DefaultMaxAge = 8 * time.Hour
	// DefaultRefreshBefore leaves a slow source several tries before the old token ends.
	DefaultRefreshBefore = 5 * time.Minute
	// maxSourceName keeps metric labels and log lines short.
	maxSourceName = 64
)

// Config says where tokens come from and how they are presented.
type Config struct {
	// Sources are asked in this order. Empty is legal: every Authorize then fails with ErrUnavailable. Names must differ,
	// and at most one source may be an Observer and at most one a Setter.
	Sources []Source
	// Presentation is how a token travels in a request. The zero value is "Authorization: Bearer {token}".
	Presentation Presentation
	// MaxAge is how long a token is used whose expiry is not known. Zero is DefaultMaxAge; negative is refused.
	MaxAge time.Duration
	// RefreshBefore is how long before its expiry a token is fetched anew. Zero is DefaultRefreshBefore; negative, and
	// MaxAge or more, are refused.
	RefreshBefore time.Duration
	// Registerer takes the metrics. Nil counts without publishing.
	Registerer prometheus.Registerer
	// Logger gets one line for each token fetched or refused. Nil discards.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.MaxAge == 0 {
		c.MaxAge = DefaultMaxAge
	}
	if c.RefreshBefore == 0 {
		// A short MaxAge with nothing else said must not be an error.
		c.RefreshBefore = min(DefaultRefreshBefore, c.MaxAge/2)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	if c.MaxAge < 0 {
		return fmt.Errorf("maximum age %v is negative", c.MaxAge)
	}
	if c.RefreshBefore < 0 || c.RefreshBefore >= c.MaxAge {
		return fmt.Errorf("refresh %v before expiry does not fit a maximum age of %v", c.RefreshBefore, c.MaxAge)
	}
	if err := c.Presentation.Validate(); err != nil {
		return err
	}
	return validateSources(c.Sources)
}

func validateSources(sources []Source) error {
	seen := make(map[string]bool)
	var observers, setters int
	for i, s := range sources {
		if s == nil {
			return fmt.Errorf("source %d is nil", i+1)
		}
		if err := validateName(s.Name()); err != nil {
			return fmt.Errorf("source %d: %w", i+1, err)
		}
		if seen[s.Name()] {
			return fmt.Errorf("two sources are named %q", s.Name())
		}
		seen[s.Name()] = true
		if _, ok := s.(Observer); ok {
			observers++
		}
		if _, ok := s.(Setter); ok {
			setters++
		}
	}
	if observers > 1 || setters > 1 {
		return errors.New("more than one source takes tokens from requests, or from the admin API: only one could be meant")
	}
	return nil
}

// validateName admits what reads well as a metric label, in a log line and in a configuration file.
func validateName(name string) error {
	if name == "" || len(name) > maxSourceName {
		return fmt.Errorf("name %q must have 1 to %d characters", name, maxSourceName)
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return fmt.Errorf("name %q must be printable ASCII without spaces", name)
		}
	}
	return nil
}
