package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// CCMConfig says how a Configuration Manager client behaves.
type CCMConfig struct {
	// BITS downloads the files; its ClientConfig is for the manifest as well.
	BITS BITSConfig
	// ManifestDelay is the pause after all locations failed to tell the manifest. Zero means 3600 seconds, which is the
	// real one.
	ManifestDelay time.Duration
	// ManifestRounds is how often all locations are asked. Zero means 3.
	ManifestRounds int
}

// CCM downloads like the client agent: PROPFIND by its own stack, then each file by BITS under a rewritten URL. It is safe
// for concurrent use.
type CCM struct {
	config   CCMConfig
	manifest ClientConfig
	bits     *BITS
}

// NewCCM checks the configuration.
func NewCCM(c CCMConfig) (*CCM, error) {
	manifest := c.BITS.ClientConfig
	if err := manifest.complete("SMS CCM 5.0"); err != nil {
		return nil, err
	}
	bits, err := NewBITS(c.BITS)
	if err != nil {
		return nil, err
	}
	if c.ManifestDelay < 0 || c.ManifestRounds < 0 {
		return nil, errors.New("new CCM client: manifest delay and rounds cannot be negative")
	}
	c.ManifestDelay = orDefault(c.ManifestDelay, 3600*time.Second)
	c.ManifestRounds = orDefault(c.ManifestRounds, 3)
	return &CCM{config: c, manifest: manifest, bits: bits}, nil
}

// Download downloads a content and compares every byte with the library. The locations are base URLs of the content, in
// the order of the location reply: one that fails for good is followed by the next.
func (c *CCM) Download(ctx context.Context, locations ...string) ContentResult {
	var r ContentResult
	for round := range c.config.ManifestRounds {
		if round > 0 {
			if r.Err = pause(ctx, c.config.ManifestDelay); r.Err != nil {
				return r
			}
		}
		for i, location := range locations {
			files, err := c.list(ctx, location, &r)
			if err != nil {
				r.Troubles = append(r.Troubles, err)
				continue
			}
			r.Location = location
			r.Err = c.files(ctx, locations[i:], files, &r)
			return r
		}
	}
	r.Err = fmt.Errorf("CCM client: no manifest from any of %d locations: %w", len(locations), errors.Join(r.Troubles...))
	return r
}

func (c *CCM) list(ctx context.Context, location string, r *ContentResult) ([]manifestFile, error) {
	s := newSession(ctx, &c.manifest, &Result{})
	defer s.drop()
	r.ManifestTries++
	files, err := fetchManifest(s, location)
	if err != nil {
		return nil, err
	}
	return files, checkManifest(c.manifest.Library, location, files)
}

func (c *CCM) files(ctx context.Context, locations []string, files []manifestFile, r *ContentResult) error {
	for _, f := range files {
		for {
			result := c.bits.Download(ctx, transportURL(sccmURL(locations[0], f.rel)))
			r.Files = append(r.Files, result)
			if result.Err == nil {
				break
			}
			if len(locations) == 1 || ctx.Err() != nil {
				return fmt.Errorf("CCM client: %s: %w", f.rel, result.Err)
			}
			r.Troubles = append(r.Troubles, result.Err)
			locations = locations[1:]
		}
	}
	return nil
}

// transportURL is what the client's data transfer service makes of a URL before BITS gets it: an explicit port, and a host
// in letters of either case (SupportArticles "tracking application deployment").
func transportURL(raw string) string {
	scheme, host, target, err := splitURL(raw)
	if err != nil {
		return raw // the download will say what is wrong with it
	}
	host = hostPort(scheme, host)
	mixed := strings.ToUpper(host[:1]) + host[1:]
	return scheme + "://" + mixed + target
}
