// Package site is one Configuration Manager site as this machine asks it: where a content is, and for the tokens that
// open it, by whichever way to the site works.
//
// A way is a management point that is asked directly, or one behind a cloud management gateway. A way that fails is left
// alone for a while, twice as long each time, and then tried by one question at a time; nobody waits for it who has
// another way, or an answer from before. What the site said is kept in memory, bounded, and outlives its age while nobody
// can be asked. Every question is asked once for all who want its answer.
//
// Tokens come with locations or are asked for. They are noted by what they are good for and by the way on which they came,
// and leave the package through a tokenbroker.Source or towards the cloud distribution point that they are for. Nothing of
// them, and no query of a URL, shows in a status, a metric, a log or an error.
package site

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// Site is one site. All methods may be called from many goroutines at once. Close it when done.
type Site struct {
	terms   atomic.Pointer[terms] // Prepare puts others in their place
	clock   func() time.Time
	log     *slog.Logger
	metrics *metrics
	workers *workers

	// What is known. Each has a lock of its own, which is held neither while another one is taken nor while anybody is asked.
	atlas        *atlas
	purse        *purse
	index        *index
	lists        *lists
	hosts        *hosts
	names        *names
	registration *registration
	wanted       atomic.Pointer[ccm.Content] // what was asked about last

	// What is being asked.
	located flights[locateKey, ccm.Locations]
	fetched flights[tokenKey, note]
	listed  flights[listKey, []ccm.CloudFile]
	checked flights[*way, struct{}]

	mu      sync.Mutex
	sources map[string]*source // by way: those that were handed out
}

// New returns a site for config. It refuses a configuration that cannot work, and says why. Nobody is asked yet.
func New(config Config) (*Site, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("site: %w", err)
	}
	s := &Site{
		clock: config.Now, log: config.Logger, metrics: newMetrics(), workers: newWorkers(),
		atlas: newAtlas(), purse: newPurse(), index: newIndex(), lists: newLists(), hosts: newHosts(), names: newNames(),
		registration: &registration{}, sources: map[string]*source{},
	}
	newTerms(config, nil).enforce(s)
	if err := s.metrics.register(config.Registerer, s); err != nil {
		return nil, fmt.Errorf("site: register metrics: %w", err)
	}
	return s, nil
}

// Close gives up every question that is under way, and waits for the goroutines that ask them, until ctx ends. Whoever
// still waits for an answer gets an error, and so does who comes later, but for what is in memory.
func (s *Site) Close(ctx context.Context) error {
	if err := s.workers.close(ctx); err != nil {
		return fmt.Errorf("waiting for questions to the site to end: %w", err)
	}
	return nil
}

// Prepare checks a new configuration, and returns what puts it into force for the questions to come. Now, Logger and
// Registerer stay those of New. What is known stays known, tokens included. A way whose client is the same keeps its state;
// one with another client is tried at once, whatever became of the one before. Questions that are under way end as they
// began.
func (s *Site) Prepare(config Config) (commit func(), err error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("site: %w", err)
	}
	return func() { newTerms(config, s.terms.Load()).enforce(s) }, nil
}

// Retry ends the pauses of ways that failed: the next question to each finds out whether it works. Call it when somebody has mended
// something.
func (s *Site) Retry() {
	for _, w := range s.terms.Load().ways {
		w.circuit.retry()
		w.odd.forget()
	}
}

// now is the time, with the reading of the monotonic clock where there is one.
func (s *Site) now() time.Time { return s.clock() }
