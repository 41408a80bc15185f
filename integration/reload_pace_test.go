package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"

	"branchpoint/integration/sim"
)

// pace lets transfers go on as far as the reloads have gone.
type pace struct {
	mu        sync.Mutex
	moved     *sync.Cond
	done, all int
}

func newPace(all int) *pace {
	p := &pace{all: all}
	p.moved = sync.NewCond(&p.mu)
	return p
}

func (p *pace) step(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.moved.Broadcast()
}

// until waits until the reloads have gone as far as a transfer that is at off of size.
func (p *pace) until(off, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for off*int64(p.all) > size*int64(p.done) {
		p.moved.Wait()
	}
}

// paced downloads a file in the pace of the reloads: in one piece, or block by block as BITS does.
func (p *pace) paced(ctx context.Context, client *http.Client, target string, f *sim.File, inBlocks bool) error {
	if !inBlocks {
		_, err := downloadAt(ctx, client, target, f, func(at int64) { p.until(at, f.Size) })
		return err
	}
	const block = 300_007
	for at := int64(0); at < f.Size; at += block {
		p.until(at, f.Size)
		if _, err := download(ctx, client, target, f, at, min(block, f.Size-at)); err != nil {
			return fmt.Errorf("the block at %d: %w", at, err)
		}
	}
	return nil
}

// downloadAt is download of a whole file with something to do before each piece.
func downloadAt(ctx context.Context, client *http.Client, target string, f *sim.File, before func(at int64)) (n int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ContentLength != f.Size {
		return 0, fmt.Errorf("status %s, %d bytes announced", resp.Status, resp.ContentLength)
	}
	buf := make([]byte, 64<<10)
	for {
		before(n)
		k, err := resp.Body.Read(buf)
		if i := f.Mismatch(buf[:k], n); i >= 0 {
			return n, wrongByte(n + int64(i))
		}
		n += int64(k)
		if err == io.EOF && n == f.Size {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("after %d bytes: %w", n, err)
		}
	}
}
