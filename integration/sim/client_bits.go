package sim

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// WholeFile as BITSConfig.BlockSize asks for all that is missing in one range.
	WholeFile = -1
	// NoRange as BITSConfig.BlockSize asks without a Range; what is broken off starts at the beginning again.
	NoRange = -2
)

// BITSConfig says how a BITS client behaves.
type BITSConfig struct {
	ClientConfig
	// BlockSize is how many bytes a range has, or WholeFile or NoRange. Zero means 256 KiB. Real BITS decides by itself,
	// and no table of its sizes is public.
	BlockSize int64
	// SuspendEvery suspends the job each time that so many bytes have come: the connection is closed in the middle of a
	// body, and the job goes on over a new one. Zero never does.
	SuspendEvery int64
	// RetryDelay is the pause after a transient error. Zero means 600 seconds, which is the real one.
	RetryDelay time.Duration
	// MaxRetries is how many errors without a single byte between them, or how many restarts of the file, end the job. Zero
	// means 20.
	MaxRetries int
	// PeerDist offers BranchCache, as clients with BranchCache do. An answer that takes the offer ends the job: this client
	// has no peers.
	PeerDist bool
	// Progress is called with the number of bytes of each piece received. Nil is not called.
	Progress func(n int)
}

// BITS downloads like the Background Intelligent Transfer Service: HEAD, then ranges under If-Unmodified-Since, with the
// headers in the order of a public capture. It is safe for concurrent use.
type BITS struct {
	config BITSConfig
}

// NewBITS checks the configuration.
func NewBITS(c BITSConfig) (*BITS, error) {
	if err := c.complete("Microsoft BITS/7.8"); err != nil {
		return nil, err
	}
	if c.BlockSize < NoRange || c.SuspendEvery < 0 || c.RetryDelay < 0 || c.MaxRetries < 0 {
		return nil, errors.New("new BITS client: block size, suspension, retry delay and retries cannot be negative")
	}
	if c.BlockSize == NoRange && c.SuspendEvery > 0 {
		return nil, errors.New("new BITS client: what is asked for without a range starts again when it is suspended, for ever")
	}
	c.BlockSize = orDefault(c.BlockSize, 256<<10)
	c.RetryDelay = orDefault(c.RetryDelay, 600*time.Second)
	c.MaxRetries = orDefault(c.MaxRetries, 20)
	return &BITS{config: c}, nil
}

// Download downloads one file and compares it with the library.
func (b *BITS) Download(ctx context.Context, url string) (r Result) {
	clock := startClock(&r)
	defer clock.stop()
	v, err := b.config.Library.truthOf(url)
	if err != nil {
		r.Err = err
		return r
	}
	t := &bitsJob{bits: b, url: url, truth: v, clock: clock, result: &r}
	t.session = newSession(ctx, &b.config.ClientConfig, &r)
	defer t.session.drop()
	if r.Err = t.run(ctx); r.Err == nil {
		r.File = v.file()
	}
	return r
}

// bitsJob is one file on its way.
type bitsJob struct {
	bits    *BITS
	url     string
	truth   *truth
	clock   clock
	session *session
	result  *Result

	// renew gets another URL, whose query is a secret, and the truth that goes with it; nil when the job's own URL is for ever.
	renew  func(ctx context.Context) error
	noHead bool  // there is no HEAD, since the size was told
	told   int64 // the size, with noHead

	known    bool // size and modified are
	undated  bool // modified is not, the next answer tells it
	size     int64
	modified string
	off      int64
	running  int64 // bytes since the last suspension
}

var errSuspended = errors.New("the job was suspended")

// run goes step by step until the file is complete, retries what is transient, and starts again when the file changed.
func (t *bitsJob) run(ctx context.Context) error {
	for idle := 0; ; {
		before := t.result.Bytes
		done, err := t.step()
		if t.result.Bytes > before {
			idle = 0
		}
		switch {
		case done:
			return nil
		case ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case err == nil:
			continue
		}
		t.session.drop()
		if errors.Is(err, errSuspended) {
			t.running = 0
			continue
		}
		t.result.Troubles = append(t.result.Troubles, err)
		idle++
		if max(idle, t.result.Restarts) > t.bits.config.MaxRetries || !bitsRetries(err) && !t.renewable(err) {
			return fmt.Errorf("BITS job for %s: %w", t.shown(), err)
		}
		if err := t.again(ctx, err); err != nil {
			return err
		}
	}
}

// again makes ready for another try after an error that is not the end.
func (t *bitsJob) again(ctx context.Context, trouble error) error {
	renewed := t.renewable(trouble)
	if renewed {
		if err := t.renew(ctx); err != nil {
			return fmt.Errorf("BITS job for %s: another URL: %w", t.shown(), err)
		}
		t.result.Renewals++
	}
	switch {
	case errors.Is(trouble, errChanged):
		t.result.Restarts++
		t.begin()
		return nil
	case renewed:
		return nil
	}
	t.result.Retries++
	return pause(ctx, t.bits.config.RetryDelay)
}

// begin begins with the file that is there now.
func (t *bitsJob) begin() {
	t.off, t.known, t.undated = 0, t.noHead, t.noHead
	if t.noHead {
		t.size, t.modified = t.told, ""
	}
}

// renewable says whether another URL may help: the old one is refused, or leads to another file.
func (t *bitsJob) renewable(err error) bool {
	var refused *BITSError
	return t.renew != nil && (errors.Is(err, errChanged) || errors.As(err, &refused) && refused.HRESULT == bitsForbidden)
}

// step sends one request: the HEAD, or the next range.
func (t *bitsJob) step() (done bool, err error) {
	switch {
	case t.noHead && t.off == t.size:
		return true, nil // an empty file, of which nothing can be asked for
	case !t.known:
		err = t.head()
	case t.bits.config.BlockSize == NoRange:
		err = t.whole()
	default:
		err = t.block()
	}
	return err == nil && t.known && t.off == t.size, err
}

// arrived counts bytes, and suspends the job when it is time.
func (t *bitsJob) arrived(n int) error {
	t.clock.gotBytes(n)
	if t.bits.config.Progress != nil {
		t.bits.config.Progress(n)
	}
	t.off += int64(n)
	t.running += int64(n)
	if every := t.bits.config.SuspendEvery; every > 0 && t.running >= every && t.off < t.size {
		return errSuspended
	}
	return nil
}
