package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// CloudConfig says how a client of a cloud DP behaves.
type CloudConfig struct {
	// BITS downloads the blobs; its ClientConfig is for the manifest as well. Its token is shown to the content service only.
	BITS BITSConfig
	// NoHead leaves out the HEAD of each blob, whose size the manifest told: for a storage that signs URLs for GET only.
	NoHead bool
	// Read reads the manifest. Nil means ReadCloudManifest.
	Read ManifestReader
}

// CloudClient downloads from a cloud DP: the manifest by its own signed query, then each blob by BITS under the URL that
// was signed for it. A blob that is refused (403) or has changed makes it fetch the manifest again, and go on with the new
// URL. It is safe for concurrent use.
type CloudClient struct {
	config   CloudConfig
	manifest ClientConfig
	bits     *BITS
}

// NewCloudClient checks the configuration.
func NewCloudClient(c CloudConfig) (*CloudClient, error) {
	manifest := c.BITS.ClientConfig
	if err := manifest.complete("SMS CCM 5.0"); err != nil {
		return nil, err
	}
	c.BITS.Token = Secret{} // it is not for the storage
	bits, err := NewBITS(c.BITS)
	if err != nil {
		return nil, err
	}
	if c.NoHead && c.BITS.BlockSize == NoRange {
		return nil, errors.New("new cloud client: without HEAD and without ranges nothing tells that a file has changed")
	}
	if c.Read == nil {
		c.Read = ReadCloudManifest
	}
	return &CloudClient{config: c, manifest: manifest, bits: bits}, nil
}

// Download downloads a content and compares every byte with the library's file that the manifest tells of.
func (c *CloudClient) Download(ctx context.Context, at CloudLocation) (r ContentResult) {
	r.Location = shownURL(at.URL.Reveal(), true)
	files, err := c.list(ctx, at, &r)
	if err != nil {
		r.Err = fmt.Errorf("cloud client: %w", err)
		return r
	}
	for _, f := range files {
		result := c.file(ctx, at, f, &r)
		r.Files = append(r.Files, result)
		if result.Err != nil {
			r.Err = fmt.Errorf("cloud client: %s: %w", f.Path, result.Err)
			return r
		}
	}
	return r
}

// list fetches the manifest.
func (c *CloudClient) list(ctx context.Context, at CloudLocation, r *ContentResult) ([]CloudFile, error) {
	s := newSession(ctx, &c.manifest, &Result{})
	defer s.drop()
	r.ManifestTries++
	call := call{method: http.MethodGet, url: at.URL.Reveal(), fields: []headerField{{"Accept", "*/*"}}, secret: true}
	if at.Header != "" {
		call = call.with(at.Header, at.Value.Reveal())
	}
	resp, err := s.ask(call)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		s.finish(resp)
		return nil, &statusError{resp.StatusCode, "GET " + call.shown()}
	}
	files, err := c.config.Read(io.LimitReader(resp.Body, manifestLimit))
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", call.shown(), noEOF(err))
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("GET %s: the manifest is empty", call.shown())
	}
	return files, nil
}

// file downloads one blob.
func (c *CloudClient) file(ctx context.Context, at CloudLocation, f CloudFile, content *ContentResult) (r Result) {
	clock := startClock(&r)
	defer clock.stop()
	t := &bitsJob{bits: c.bits, clock: clock, result: &r, noHead: c.config.NoHead}
	if r.Err = c.aim(t, f); r.Err != nil {
		return r
	}
	t.renew = func(ctx context.Context) error {
		files, err := c.list(ctx, at, content)
		if err != nil {
			return err
		}
		for _, now := range files {
			if now.Path == f.Path {
				return c.aim(t, now)
			}
		}
		return fmt.Errorf("the manifest no longer has %s", f.Path)
	}
	t.begin()
	t.session = newSession(ctx, &c.bits.config.ClientConfig, &r)
	defer t.session.drop()
	if r.Err = t.run(ctx); r.Err == nil {
		r.File = t.truth.file()
	}
	return r
}

// aim points a job at a file of a manifest. Another file than before is noticed by its size and time.
func (c *CloudClient) aim(t *bitsJob, f CloudFile) error {
	file, err := c.manifest.Library.File(fmt.Sprintf("%s.%d", f.Content, f.Version), f.Path)
	if err != nil || file.Size != f.Size {
		return fmt.Errorf("the manifest tells of %s version %d, %s, %d bytes: %w", f.Content, f.Version, f.Path, f.Size,
			errors.Join(err, errWrongBytes))
	}
	t.url, t.told = f.URL.Reveal(), f.Size
	t.truth = &truth{versions: func() []*File { return []*File{file} }, left: []*File{file}}
	return nil
}
