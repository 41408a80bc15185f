package upstream

import (
	"encoding/base64"
	"net/http"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"branchpoint/cache"
	"branchpoint/proxy/content"
)

// The same blob at another storage service has another Last-Modified and another ETag. What is known of a blob is kept, so
// that a client is told one thing while the services take turns, and so that another file of the same size is recognized.

// fact is what a blob is.
type fact struct {
	info      cache.Info
	digest    string // the MD5 of the whole, in base64; empty when nobody told
	elsewhere bool   // another storage service told, not its own
}

// facts are those of the blobs that were asked for last, in memory alone.
type facts struct {
	mu    sync.Mutex
	blobs *lru.Cache[content.ID, fact] // guarded by mu, so that facts are changed one after the other
}

// maxFacts is how many blobs are remembered. A fact is about two hundred bytes.
const maxFacts = 4096

func newFacts() *facts {
	f := &facts{}
	f.blobs, _ = lru.New[content.ID, fact](maxFacts) // fails only for a size below one
	return f
}

// about returns what is known of the blob as want has it, or as it is now when want is nil.
func (f *facts) about(id content.ID, want *cache.Info) (fact, bool) {
	known, ok := f.blobs.Get(id)
	return known, ok && (want == nil || isSame(known.info, *want))
}

// size is that of the blob as want has it, or as it is known, otherwise -1.
func (f *facts) size(id content.ID, want *cache.Info) int64 {
	if want != nil {
		return want.Size
	}
	if known, ok := f.blobs.Get(id); ok {
		return known.info.Size
	}
	return -1
}

// learn keeps what an answer told, and returns what is to be told of the blob. Who was asked without a wish has said what the blob
// is now; when that is what another storage service said before, byte for byte, it keeps the date that clients have seen.
// Otherwise the answer confirms what was wanted, and may add to it.
func (f *facts) learn(id content.ID, q query, out outcome) cache.Info {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.blobs.Get(id)
	switch {
	case q.want == nil && known.elsewhere && known.info.Size == out.info.Size && known.digest != "" && known.digest == out.digest:
		return known.info
	case q.want == nil:
		f.blobs.Add(id, fact{out.info, out.digest, q.abroad})
		return out.info
	case !ok:
		f.blobs.Add(id, fact{info: *q.want, digest: out.digest})
	case known.digest == "" && out.digest != "" && isSame(known.info, *q.want):
		known.digest = out.digest
		f.blobs.Add(id, known)
	}
	return *q.want
}

// isSame tells generations of a blob apart, as the cache does.
func isSame(a, b cache.Info) bool { return a.Size == b.Size && a.LastModified.Equal(b.LastModified) }

// digestOf returns the MD5 of the whole blob as a storage service tells it. With a range, Content-MD5 is that of the range, and
// the other header that of the blob (Storage REST docs, "Get Blob").
func digestOf(resp *http.Response) string {
	text := resp.Header.Get("X-Ms-Blob-Content-Md5")
	if text == "" && resp.StatusCode == http.StatusOK {
		text = resp.Header.Get("Content-Md5")
	}
	if sum, err := base64.StdEncoding.DecodeString(text); err != nil || len(sum) != 16 {
		return ""
	}
	return text
}
