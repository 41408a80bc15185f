package site

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"branchpoint/tokenbroker/ccm"
)

const (
	// maxElsewhere bounds the cloud distribution points that are asked for one blob.
	maxElsewhere = 8
	// straggle is how long the others are waited for when one cloud distribution point has answered.
	straggle = time.Second
)

// BlobName names a blob of Azure storage.
type BlobName struct {
	// Host is that of the storage, with or without the port 443, and Path that of the blob as a request target has it. A query
	// is no part of it.
	Host, Path string
	// Size is the length of the blob in bytes. Below 0: not known.
	Size int64
}

// Elsewhere returns signed URLs of the same file, of a blob that was in a list: at the cloud distribution points that have
// its content, those on other hosts first. It asks them with tokens of ours, all at once, and does not wait for the last when
// one has answered. The file is the same by its path in a list that names the same files of the same sizes: a list does not
// tell its version, and a new one comes to each distribution point in its own time. Any trouble Is tokenbroker.ErrUnavailable:
// that nothing is known of the blob, that the site cannot be asked, or does not know us. It may be over at the next try.
func (s *Site) Elsewhere(ctx context.Context, blob BlobName) ([]ccm.Secret, error) {
	const doing = "look for a blob elsewhere"
	t := s.terms.Load()
	if t.manifests == nil {
		return nil, newTrouble(doing + ": lists are not read")
	}
	of, ok := s.index.member(blobName(blob.Host, blob.Path))
	if !ok || blob.Size >= 0 && blob.Size != of.size {
		return nil, newTrouble(doing + ": it was in no list")
	}
	c := s.versioned(of.content)
	places, err := s.clouds(ctx, t, c)
	if err != nil {
		return nil, newTrouble(doing+": "+saying(err), err)
	}
	lists, errs := s.gather(ctx, t, c, places)
	if urls := of.in(lists, shortHost(blob.Host)); len(urls) > 0 {
		return urls, nil
	}
	if len(errs) == 0 {
		return nil, newTrouble(doing + ": no cloud distribution point has it")
	}
	return nil, allOf(doing, errs)
}

// versioned is a content with a version to ask the site for: if nobody has told it, the greatest that is known by now, or else
// that of a content which was never changed.
func (s *Site) versioned(c ccm.Content) ccm.Content {
	if c.Version == 0 && (c.Kind == ccm.Package || c.Kind == ccm.Application) {
		known, _ := s.atlas.latest(fold(c).ID)
		c.Version = max(known.Version, 1)
	}
	return c
}

// clouds are the cloud locations of a content that may be asked with what we have: those that the site told us a while ago,
// or else tells now.
func (s *Site) clouds(ctx context.Context, t *terms, c ccm.Content) ([]ccm.Location, error) {
	known := s.atlas.of(fold(c), namesOf(t.ways))
	known = slices.DeleteFunc(known, func(a said) bool { return !t.fresh(a, s.now()) })
	if list := inCloud(merge(known)); len(list) > 0 {
		return list, nil
	}
	found, err := s.Locate(ctx, c, "")
	if err != nil {
		return nil, err
	}
	return inCloud(found.List), nil
}

func inCloud(all []ccm.Location) []ccm.Location {
	list := slices.DeleteFunc(slices.Clone(all), func(l ccm.Location) bool { return !l.Cloud || l.Query.IsZero() })
	return list[:min(len(list), maxElsewhere)]
}

// gather gets the lists of a content at several cloud distribution points, in their order.
func (s *Site) gather(ctx context.Context, t *terms, c ccm.Content, places []ccm.Location) (lists [][]ccm.CloudFile, errs []error) {
	came := make(chan *flight[[]ccm.CloudFile], len(places))
	for _, l := range places {
		f := s.list(t, shelf{location: l, content: c, known: true})
		defer f.leave()
		f.tell(came)
	}
	var enough <-chan time.Time
	for range places {
		select {
		case f := <-came:
			if f.err != nil {
				errs = append(errs, f.err)
				continue
			}
			lists = append(lists, f.value)
			if enough == nil {
				enough = time.After(straggle)
			}
		case <-enough:
			return lists, errs
		case <-ctx.Done():
			return lists, append(errs, ctx.Err())
		}
	}
	return lists, errs
}

// in finds the file in lists. URLs at the host come last.
func (m member) in(lists [][]ccm.CloudFile, host string) (urls []ccm.Secret) {
	var there []ccm.Secret
	seen := map[string]bool{}
	for _, files := range lists {
		if listDigest(files) != m.list {
			continue
		}
		i := slices.IndexFunc(files, func(f ccm.CloudFile) bool { return f.Size == m.size && strings.EqualFold(f.Path, m.path) })
		if i < 0 || seen[files[i].URL.Reveal()] {
			continue
		}
		found := files[i].URL
		seen[found.Reveal()] = true
		if u, err := url.Parse(found.Reveal()); err == nil && shortHost(u.Host) == host {
			there = append(there, found)
		} else {
			urls = append(urls, found)
		}
	}
	return append(urls, there...)
}
