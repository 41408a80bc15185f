package assembly

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"branchpoint/admin"
	"branchpoint/cache"
	"branchpoint/cmd/internal/atsite"
	"branchpoint/configs"
	"branchpoint/proxy"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker"
)

// reloader puts a changed configuration into force while clients are served: all of it that can be, or nothing.
type reloader struct {
	load     func() (*configs.Config, error) // nil: there is nothing to read again
	level    *slog.LevelVar                  // nil: the log level stays
	log      *slog.Logger
	shared   *shared
	doors    *doors
	station  *station
	jobs     *jobs
	broker   *tokenbroker.Broker
	pool     *upstream.Pool
	store    *cache.Cache
	front    *proxy.Proxy
	observer *observer

	turn    sync.Mutex // held during a whole reload, which may wait for a disk; taken before mu
	running *configs.Config
	files   files

	mu     sync.Mutex // held while a reload is put into force
	closed bool
}

var (
	errNotReloaded = errors.New("the configuration does not come from a file, so there is nothing to read again")
	errEnding      = errors.New("the program is shutting down")
)

// Reload reads the configuration again and puts it into force. When that fails nothing has changed; the error is
// *admin.Rejected.
func (r *reloader) Reload() (admin.Reloaded, error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	p, err := r.reload()
	if err != nil {
		rejected := reject(err)
		r.log.Error("the configuration was not reloaded; what was in force stays so", "error", strings.Split(err.Error(), "\n"))
		return admin.Reloaded{}, rejected
	}
	r.log.Info("the configuration was reloaded", "changed", p.changed, "need_restart", p.restart)
	return admin.Reloaded{Changed: p.changed, NeedRestart: p.restart}, nil
}

func (r *reloader) reload() (*plan, error) {
	switch {
	case r.ending():
		return nil, errEnding
	case r.load == nil:
		return nil, errNotReloaded
	}
	wanted, err := r.load()
	if err != nil {
		return nil, err
	}
	p := compare(r.running, wanted)
	read, err := readFiles(p, r.files, r.log)
	if err != nil {
		return nil, err
	}
	var all changes
	r.prepare(p, read, &all)
	err = errors.Join(all.errs...)
	if err == nil {
		err = r.commit(&all)
	}
	if err != nil {
		r.station.discard(all.ends)
		return nil, err
	}
	r.station.retire()
	if read.authority != r.files.authority || !slices.Equal(p.config.AuthorityNames(), r.running.AuthorityNames()) {
		tellOfAuthority(p.config, read.authority, r.log)
	}
	r.running, r.files = p.config, read
	return p, nil
}

// prepare has every part check its new settings.
func (r *reloader) prepare(p *plan, read files, all *changes) {
	c := p.config
	tokens, err := tokenConfig(c, r.station, r.log)
	all.add(nil, err)
	if err == nil {
		all.add(r.broker.Prepare(tokens))
	}
	commit, ends, err := r.station.prepare(r.running, c, r.files, read, r.shared)
	all.add(commit, err)
	all.ends = ends
	all.add(r.pool.Prepare(poolConfig(c, read)))
	all.add(r.store.Prepare(cacheConfig(c.Cache)))
	all.add(r.front.Prepare(proxyConfig(c, read)))
	for i, door := range r.doors.clients {
		if p.untouched[i] {
			continue
		}
		all.add(door.prepare(listenerSettings(c, c.Listeners[i], read.shown[i]), r.log))
	}
	all.add(func() { r.settle(c) }, nil)
}

// settle changes what cannot fail to.
func (r *reloader) settle(c *configs.Config) {
	r.shared.guard.limit(c.Upstream.ConnectTimeout)
	r.observer.watch(c)
	r.jobs.heed(c)
	known := audiences(c.DistributionPoints)
	for _, audience := range audiences(r.running.DistributionPoints) {
		if !slices.Contains(known, audience) {
			r.broker.Drop(audience)
		}
	}
	if r.level != nil {
		_ = r.level.UnmarshalText([]byte(c.Log.Level)) // the configuration knows no other levels
	}
}

func audiences(points []configs.DistributionPoint) (list []string) {
	for _, dp := range points {
		list = append(list, dp.Audience)
	}
	return list
}

// changes are those of all parts.
type changes struct {
	commits []func()
	errs    []error
	ends    *atsite.Ends // that the station goes on with
}

// add takes what a part answers to Prepare.
func (c *changes) add(commit func(), err error) {
	switch {
	case err != nil:
		c.errs = append(c.errs, err)
	case commit != nil:
		c.commits = append(c.commits, commit)
	}
}

func (c *changes) commit() {
	for _, commit := range c.commits {
		commit()
	}
}

// reject turns an error into what an administrator is told.
func reject(err error) *admin.Rejected {
	rejected := &admin.Rejected{Reason: err.Error()}
	if problems, ok := errors.AsType[configs.Problems](err); ok {
		rejected.Reason = fmt.Sprintf("the configuration has %d problems", len(problems))
		if len(problems) == 1 {
			rejected.Reason = "the configuration has a problem"
		}
		for _, p := range problems {
			rejected.Problems = append(rejected.Problems, admin.ConfigProblem{
				File: p.File, Line: p.Line, Column: p.Column, Path: p.Path, Message: p.Message,
			})
		}
	}
	return rejected
}
