package sim

import (
	"context"
	"errors"
	"fmt"
)

// TaskSequence downloads like the engine of a task sequence: PROPFIND, then each file with a GET without a Range, and on
// any trouble the next location at once (memdocs "configuration-manager-boundary-groups-distribution-points"). It is safe
// for concurrent use.
type TaskSequence struct {
	config ClientConfig
}

// NewTaskSequence checks the configuration.
func NewTaskSequence(c ClientConfig) (*TaskSequence, error) {
	if err := c.complete("SMS CCM 5.0 TS"); err != nil {
		return nil, err
	}
	return &TaskSequence{config: c}, nil
}

// Download downloads a content and compares every byte with the library. The locations are base URLs of the content, in
// the order in which they are tried.
func (t *TaskSequence) Download(ctx context.Context, locations ...string) ContentResult {
	var r ContentResult
	r.Err = errors.New("no location")
	for i, location := range locations {
		var files []manifestFile
		if files, r.Err = t.manifest(ctx, location, &r); r.Err != nil {
			r.Troubles = append(r.Troubles, r.Err)
			continue
		}
		r.Location = location
		r.Err = t.files(ctx, locations[i:], files, &r)
		return r
	}
	return r
}

func (t *TaskSequence) manifest(ctx context.Context, location string, r *ContentResult) ([]manifestFile, error) {
	s := newSession(ctx, &t.config, &Result{})
	defer s.drop()
	r.ManifestTries++
	files, err := fetchManifest(s, location)
	if err != nil {
		return nil, err
	}
	return files, checkManifest(t.config.Library, location, files)
}

// files downloads each file from the first location that works, and stays with that one.
func (t *TaskSequence) files(ctx context.Context, locations []string, files []manifestFile, r *ContentResult) error {
	for _, f := range files {
		result := Result{}
		for {
			result = t.file(ctx, sccmURL(locations[0], f.rel), result)
			if result.Err == nil || len(locations) == 1 || ctx.Err() != nil {
				break
			}
			result.Troubles = append(result.Troubles, result.Err)
			result.Retries++
			locations = locations[1:]
		}
		r.Files = append(r.Files, result)
		if result.Err != nil {
			return fmt.Errorf("task sequence: %s: %w", f.rel, result.Err)
		}
	}
	return nil
}

// file downloads one file from one location, on top of what earlier tries have counted.
func (t *TaskSequence) file(ctx context.Context, url string, r Result) Result {
	clock := startClock(&r)
	v, err := t.config.Library.truthOf(url)
	if err != nil {
		r.Err = err
		return r
	}
	s := newSession(ctx, &t.config, &r)
	defer s.drop()
	r.Err = getWhole(s, url, v, func(n int) error { clock.gotBytes(n); return nil })
	if r.Err == nil {
		r.File = v.file()
	}
	clock.stop()
	return r
}
