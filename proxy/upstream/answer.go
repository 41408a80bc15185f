package upstream

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"branchpoint/cache"
)

// verdict is what an answer, or the lack of one, means.
type verdict uint8

const (
	failed      verdict = iota // no answer, or one that cannot be believed
	served                     // what was asked for
	missing                    // the DP has no such file
	refused                    // the DP does not let us in, or answers what only the client can use
	different                  // the DP has another object than the wanted one
	noRange                    // the DP sends the whole file when asked for a part
	unsatisfied                // the DP says that the file ends before the asked range
	busy                       // all bodies that we take from the DP at a time are under way: nothing was asked
	canceled                   // the caller went away: says nothing about the DP
)

// outcome is what came of asking one DP.
type outcome struct {
	verdict verdict
	status  int        // of the answer, 0 when there was none
	info    cache.Info // when served or different
	end     int64      // offset behind the last byte of the body, when served
	lied    bool       // the answer contradicts what we know, or itself
	err     error      // safe to print; set unless served
	body    *body      // nil for an empty object, a HEAD, and an offset at or behind the end
	digest  string     // of the whole blob; empty when it was not told

	tokenAway bool // refused, but the token endpoint, which might have let us in, gave no answer or wants a token that we do not have
}

// query is what is asked of a DP.
type query struct {
	method  string
	off, n  int64       // of the wanted bytes; n < 1 means to the end
	want    *cache.Info // nil: nothing is known
	mutable bool        // Last-Modified must agree with want, too
	sole    bool        // there is one server, whose word it is: the ETag must agree, too, and a coding is how it keeps the file
	peek    bool        // a GET in the place of a HEAD: only the header of the answer is wanted

	// Of a blob.
	urls    []offer // to take instead of those for its own storage; empty: its own is asked
	abroad  bool    // another storage than its own is asked, whose word on what the blob is does not count
	undated bool    // want was told by another storage than the one that is asked: times and ETags of the two say nothing
	digest  string  // of the whole; empty: not known
}

// rangeHeader asks for what is wanted and not more: an open end wastes what is on its way when we stop reading.
func (q query) rangeHeader() string {
	if q.n < 1 || q.off+q.n-1 < q.off {
		return fmt.Sprintf("bytes=%d-", q.off)
	}
	return fmt.Sprintf("bytes=%d-%d", q.off, q.off+q.n-1)
}

// judge says what an answer to q means. It looks at the header only.
func judge(q query, resp *http.Response) outcome {
	out := outcome{status: resp.StatusCode}
	switch code := resp.StatusCode; {
	case code < http.StatusOK:
		return lie(resp, "a change of protocol that nobody asked for")
	case code == http.StatusOK:
		return judgeWhole(q, resp)
	case code == http.StatusPartialContent && q.method == http.MethodGet:
		return judgePart(q, resp)
	case code == http.StatusNotFound || code == http.StatusGone:
		out.verdict = missing
	case code == http.StatusRequestedRangeNotSatisfiable && q.method == http.MethodGet:
		out.verdict = unsatisfied
	case code < 300 || isOfTheMoment(code):
		out.verdict = failed
	default:
		out.verdict = refused
	}
	out.err = fmt.Errorf("status %d", resp.StatusCode)
	return out
}

// isOfTheMoment tells whether a status speaks of the moment, and neither of the file nor of who asks.
func isOfTheMoment(status int) bool {
	switch status {
	case http.StatusProxyAuthRequired, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// judgeWhole judges a 200: the whole object, or to a HEAD what it is.
func judgeWhole(q query, resp *http.Response) outcome {
	info := infoOf(resp, resp.ContentLength)
	switch {
	case notAFile(q, resp):
		return outcome{verdict: refused, status: resp.StatusCode, err: fmt.Errorf("the answer is a page, not a file")}
	case isCoded(resp.Header):
		return coded(q, resp)
	case resp.ContentLength < 0:
		return lie(resp, "a body without a size")
	case !q.accepts(resp, info):
		return another(q, resp, info)
	case q.method == http.MethodGet && q.off > 0:
		return outcome{verdict: noRange, status: resp.StatusCode, lied: true, err: fmt.Errorf("the whole file instead of a range")}
	}
	return outcome{verdict: served, status: resp.StatusCode, info: info, end: info.Size, digest: q.digestIn(resp)}
}

// judgePart judges a 206. A part that is shorter than asked is legal (RFC 9110 §15.3.7); one that begins elsewhere is not.
func judgePart(q query, resp *http.Response) outcome {
	values := resp.Header["Content-Range"]
	if len(values) != 1 {
		return lie(resp, fmt.Sprintf("a part with %d Content-Range headers", len(values)))
	}
	r, ok := parseContentRange(values[0])
	info := infoOf(resp, r.total)
	switch {
	case !ok:
		return lie(resp, "a Content-Range that is none")
	case isCoded(resp.Header):
		return coded(q, resp)
	case r.first != q.off, q.n > 0 && r.last-r.first >= q.n:
		return lie(resp, fmt.Sprintf("bytes %d-%d instead of %s", r.first, r.last, strings.TrimPrefix(q.rangeHeader(), "bytes=")))
	case resp.ContentLength >= 0 && resp.ContentLength != r.last-r.first+1:
		return lie(resp, "a Content-Length that contradicts its Content-Range")
	case !q.accepts(resp, info):
		return another(q, resp, info)
	}
	return outcome{verdict: served, status: resp.StatusCode, info: info, end: r.last + 1, digest: q.digestIn(resp)}
}

// lie is an answer that cannot be believed.
func lie(resp *http.Response, what string) outcome {
	return outcome{verdict: failed, status: resp.StatusCode, lied: true, err: fmt.Errorf("status %d with %s", resp.StatusCode, what)}
}

// coded judges a coded body. A DP was asked for none. A storage service sends a blob as it was stored, whatever was asked
// (Storage REST docs, "Get Blob": Content-Encoding): that is for the client to undo, so the client is to have it from there.
func coded(q query, resp *http.Response) outcome {
	if q.sole {
		return outcome{verdict: refused, status: resp.StatusCode, err: fmt.Errorf("the file is stored in a coding")}
	}
	return lie(resp, "a coded body")
}

// another is the answer of who has another object than the wanted one. What a storage service abroad has is no news of the blob.
func another(q query, resp *http.Response, info cache.Info) outcome {
	if q.abroad {
		return lie(resp, "another file than the blob")
	}
	return outcome{verdict: different, status: resp.StatusCode, info: info, lied: !q.mutable, err: cache.ErrChanged}
}

// accepts tells whether info may be the wanted object. Last-Modified of the same bytes may differ between DPs, so it counts
// only where the bytes behind a name can change.
func (q query) accepts(resp *http.Response, info cache.Info) bool {
	if q.want == nil {
		return true
	}
	if told := q.digestIn(resp); info.Size != q.want.Size || q.digest != "" && told != "" && q.digest != told {
		return false
	}
	return q.undated || (!q.mutable || info.LastModified.Equal(q.want.LastModified)) && (!q.sole || sameTag(info.ETag, q.want.ETag))
}

// digestIn is what an answer about a blob tells of its bytes.
func (q query) digestIn(resp *http.Response) string {
	if !q.sole {
		return ""
	}
	return digestOf(resp)
}

// sameTag compares two ETags of one server, of which one may have given none. Older versions of the storage service leave out the
// quotes (Storage REST docs, "Versioning for the Azure Storage services", 2011-08-18).
func sameTag(a, b string) bool {
	return a == "" || b == "" || strings.Trim(strings.TrimPrefix(a, "W/"), `"`) == strings.Trim(strings.TrimPrefix(b, "W/"), `"`)
}

func infoOf(resp *http.Response, size int64) cache.Info {
	info := cache.Info{Size: size, ETag: resp.Header.Get("ETag"), ContentType: resp.Header.Get("Content-Type")}
	if at, err := http.ParseTime(resp.Header.Get("Last-Modified")); err == nil {
		info.LastModified = at.UTC().Truncate(time.Second)
	}
	if strings.HasPrefix(strings.ToLower(info.ContentType), "multipart/") {
		info.ContentType = ""
	}
	return info
}

// isCoded tells whether the body is something else than the file's bytes: compressed, a BranchCache hash list (MS-PCCRTP),
// or several ranges in one.
func isCoded(h http.Header) bool {
	for _, line := range h["Content-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			if c := strings.TrimSpace(coding); c != "" && !strings.EqualFold(c, "identity") {
				return true
			}
		}
	}
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "multipart/byteranges")
}

// notAFile recognises a directory listing, a folder and the page of some middlebox: IIS gives a file a Last-Modified and an
// ETag, and a folder neither, with no size or size 0 in the answer to a HEAD (seen on DPs by the public tool puppetlabs-sccm).
func notAFile(q query, resp *http.Response) bool {
	if resp.Header.Get("Last-Modified") != "" || resp.Header.Get("ETag") != "" || resp.Header.Get("Content-Encoding") != "" {
		return false
	}
	isPage := strings.HasPrefix(strings.ToLower(resp.Header.Get("Content-Type")), "text/html")
	return isPage || (q.method == http.MethodHead && resp.ContentLength <= 0)
}
