package assembly

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"branchpoint/cache"
	"branchpoint/configs"
	"branchpoint/proxy/content"
	"branchpoint/proxy/precache"
	"branchpoint/proxy/upstream"
)

// jobs fetch contents before anyone asks.
type jobs struct {
	all    *precache.Jobs // nil: they cannot
	places atomic.Pointer[jobPlaces]
}

// jobPlaces are what a configuration says about where content may come from.
type jobPlaces struct{ points, storage []string }

// openJobs goes on with the jobs that were running when the program ended. Clients are served also when their directory cannot be
// used.
func openJobs(c *configs.Config, at *station, pool *upstream.Pool, store *cache.Cache, s *shared) *jobs {
	j := &jobs{}
	j.heed(c)
	config := precache.Config{
		Points: func() []string { return j.places.Load().points }, Storage: j.isStorage,
		Lister: lister{pool}, Origins: pool, Store: store, Dir: jobDirectory(c.Cache.Directory),
		Registerer: s.registry, Logger: s.log,
	}
	if at != nil {
		config.Finder = at.locator
	}
	var err error
	if j.all, err = precache.New(config); err != nil {
		s.log.Warn("no content can be fetched beforehand", "directory", config.Dir, "error", err)
		j.all = nil
	}
	return j
}

// jobDirectory is beside that of the cache, which people delete without a thought.
func jobDirectory(cacheDirectory string) string { return filepath.Clean(cacheDirectory) + "-jobs" }

// heed puts a configuration into force for the jobs to come.
func (j *jobs) heed(c *configs.Config) {
	p := &jobPlaces{storage: c.Cloud.BlobHosts}
	for _, dp := range c.DistributionPoints {
		p.points = append(p.points, dp.URL)
	}
	j.places.Store(p)
}

func (j *jobs) isStorage(host string) bool {
	for _, pattern := range j.places.Load().storage {
		suffix, any := strings.CutPrefix(pattern, "*")
		if host == pattern || any && strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}

func (j *jobs) close() error {
	if j.all == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return j.all.Close(ctx)
}

// lister lets the jobs list what a distribution point has.
type lister struct{ pool *upstream.Pool }

// List implements precache.Lister.
func (l lister) List(ctx context.Context, folder content.Target) (files []precache.ListedFile, err error) {
	listed, err := l.pool.List(ctx, folder)
	for _, f := range listed {
		files = append(files, precache.ListedFile{Path: f.Path, Size: f.Size})
	}
	return files, err
}
