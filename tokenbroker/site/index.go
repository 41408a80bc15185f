package site

import (
	"crypto/sha256"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"branchpoint/tokenbroker/ccm"
)

const (
	// maxTargets bounds the URLs of cloud locations that are remembered: a few for each content.
	maxTargets = 2 * maxContents
	// maxBlobs bounds the blobs whose content is remembered: those of some large contents.
	maxBlobs = 1 << 16
)

// index says which content a cloud location, or a blob, belongs to. It holds no query: those are signed.
type index struct {
	mu      sync.Mutex
	targets *simplelru.LRU[digest, ccm.Content]
	blobs   *simplelru.LRU[string, member] // by blobName
}

// digest stands for a URL with its query, or for the files of a list.
type digest [sha256.Size]byte

// member is the file that a blob holds.
type member struct {
	content ccm.Content // its version is 0 where nobody has told it
	list    digest      // of the list that named the blob
	path    string      // in the content
	size    int64
}

func newIndex() *index {
	return &index{targets: newRecent[digest, ccm.Content](maxTargets), blobs: newRecent[string, member](maxBlobs)}
}

// targetDigest is the same for every spelling of a URL's host and query.
func targetDigest(target string) (d digest, ok bool) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return d, false
	}
	return sha256.Sum256([]byte(shortHost(u.Host) + "\n" + strings.ToLower(u.Path) + "\n" + u.Query().Encode())), true
}

// shortHost is a host of an https URL in one spelling.
func shortHost(host string) string { return strings.TrimSuffix(strings.ToLower(host), ":443") }

// hostOf is the host of a URL, in lower case, with its port where that is not the one of its scheme. It is empty for what is
// no URL.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	if strings.EqualFold(u.Scheme, "https") {
		return shortHost(u.Host)
	}
	return strings.TrimSuffix(strings.ToLower(u.Host), ":80")
}

// blobName is a blob in one spelling, from its host and its path as a request target has it.
func blobName(host, path string) string {
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	return shortHost(host) + "/" + strings.TrimPrefix(path, "/")
}

// locate remembers the content of a cloud location.
func (x *index) locate(l ccm.Location, c ccm.Content) {
	d, ok := targetDigest(l.Target())
	if !ok {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.targets.Add(d, c)
}

// content is the one of a cloud location's URL.
func (x *index) content(target string) (ccm.Content, bool) {
	d, ok := targetDigest(target)
	if !ok {
		return ccm.Content{}, false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.targets.Get(d)
}

// enlist remembers the blobs of a content's list.
func (x *index) enlist(c ccm.Content, files []ccm.CloudFile) {
	list := listDigest(files)
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, f := range files {
		if u, err := url.Parse(f.URL.Reveal()); err == nil {
			x.blobs.Add(blobName(u.Host, u.EscapedPath()), member{c, list, f.Path, f.Size})
		}
	}
}

// listDigest is the same for lists that name the same files of the same sizes, wherever their blobs are.
func listDigest(files []ccm.CloudFile) digest {
	lines := make([]string, len(files))
	for i, f := range files {
		lines[i] = strconv.FormatInt(f.Size, 10) + " " + strings.ToLower(f.Path)
	}
	slices.Sort(lines)
	return sha256.Sum256([]byte(strings.Join(lines, "\n")))
}

// member is the file that a blob holds.
func (x *index) member(name string) (member, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.blobs.Get(name)
}
