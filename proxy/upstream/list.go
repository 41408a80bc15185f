package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"branchpoint/proxy/content"
)

// File is one file in the list of a content.
type File struct {
	// Path is where it is in the folder that was listed, separated by "/", decoded once, in the letter case of the DP. It does not
	// climb. Whether it is a name that a client can ask for, content.Parse says.
	Path string
	// Size in bytes.
	Size int64
	// ModTime is its Last-Modified. Zero: the list does not say, as that of an HTML page does not, which has no time zone.
	ModTime time.Time
}

const (
	// maxListed is how many files a list may have, and maxFolders how many folders are asked for.
	maxListed  = 100_000
	maxFolders = 10_000
	// maxLists bounds all answers of one list together.
	maxLists = 64 << 20
)

// List returns the files of the content, or of the folder in it, that t, a Target of content.ParseFolder, names, from the best
// DP that has it, in no order that matters. The caller has established that it is entitled to what our token opens. A DP is
// asked by PROPFIND, and where that is refused by its HTML pages. A DP gives all of its list, or counts for nothing. An error
// Is what those of a Source are.
func (p *Pool) List(ctx context.Context, t content.Target) ([]File, error) {
	return p.now.Load().list(ctx, t)
}

func (p *pool) list(ctx context.Context, t content.Target) (files []File, err error) {
	t.ID.Hierarchy = p.dir.hierarchy(endpoint{t.Scheme, t.Host})
	top, ok := newNaming(t)
	if !ok {
		return nil, fmt.Errorf("listing %s: it is no folder of a content", t.ID.Content)
	}
	s := p.source(t, false)
	r := s.newRound(nil)
	out := s.tour(ctx, r, func(loc *location) outcome {
		return s.account(ctx, loc, func() outcome {
			return s.byRoutes(ctx, loc, func(way route) outcome {
				l := newLister(s, loc, way, top)
				out := l.crawl(ctx)
				files = l.files
				return out
			})
		})
	})
	if out.verdict == served {
		return files, nil
	}
	if err = p.ended(ctx); err == nil {
		err, _ = r.tally.verdict(false)
	}
	return nil, fmt.Errorf("listing the files of %s: %w", t.ID.Content, err)
}

// askForList asks for the list of one folder, below the one that the route names, and returns its text. The outcome is not
// served unless there is one with that status.
func (l *lister) askForList(ctx context.Context, method, depth, folder string, want int) ([]byte, outcome) {
	r := l.way
	if folder != "" {
		r.raw = strings.TrimRight(r.raw, "/") + "/" + escapePath(folder)
	}
	r.header = r.header.Clone()
	if depth != "" {
		r.header.Set("Depth", depth)
	}
	began := time.Now()
	resp, err := l.s.pool.askText(ctx, r, method, nil)
	if err != nil {
		return nil, outcome{err: err}
	}
	defer resp.Body.Close()
	l.s.pool.headerCame(l.loc, time.Since(began))
	if resp.StatusCode != want {
		return nil, judgeNoList(resp)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, l.budget+1))
	l.s.pool.received(l.loc, len(text))
	l.budget -= int64(len(text))
	switch {
	case err != nil:
		return nil, outcome{status: resp.StatusCode, err: err}
	case l.budget < 0:
		return nil, lie(resp, fmt.Sprintf("lists of more than %d bytes", maxLists))
	case isCoded(resp.Header):
		return nil, lie(resp, "a coded body")
	}
	return text, outcome{verdict: served, status: resp.StatusCode}
}

// judgeNoList says what an answer means that is no list.
func judgeNoList(resp *http.Response) outcome {
	out := outcome{status: resp.StatusCode, err: fmt.Errorf("status %d", resp.StatusCode)}
	switch code := resp.StatusCode; {
	case code < 300:
		return lie(resp, "what is no list")
	case code == http.StatusNotFound || code == http.StatusGone:
		out.verdict = missing
	case code == http.StatusNotImplemented || !isOfTheMoment(code):
		out.verdict = refused
	}
	return out
}

// escapePath writes a path for a request line.
func escapePath(path string) string {
	names := strings.Split(path, "/")
	for i, name := range names {
		names[i] = url.PathEscape(name)
	}
	return strings.Join(names, "/")
}
