package sim

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ServeHTTP answers a request as blob storage does.
func (s *Storage) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r, s.answer) }

func (s *Storage) answer(w *recorder, r *http.Request) {
	w.entry.Query = "" // it is a secret
	q := r.URL.Query()
	azureHeaders(w.Header(), r.Header, q)
	if done := s.sufferEarly(w, r); done {
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	holder, no := s.admit(r, q, name)
	w.entry.User = holder
	if c := connOf(r.Context()); c != nil {
		c.serve(holder)
	}
	if no.status == 0 {
		var f *File
		if f, no = s.blob(name); no.status == 0 {
			s.serveBlob(w, r, f)
			return
		}
	}
	no.send(w)
}

func (s *Storage) blob(name string) (*File, azureError) {
	f, hasContainer := s.find(name)
	switch {
	case !hasContainer:
		return nil, azureError{http.StatusNotFound, "ContainerNotFound", ""}
	case f == nil:
		return nil, azureError{http.StatusNotFound, "BlobNotFound", ""}
	}
	return f, azureError{}
}

// azureHeaders are on every answer. The version is the request's own, or that of its signature.
func azureHeaders(h, request http.Header, q url.Values) {
	h.Set("Server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0")
	h.Set("x-ms-request-id", requestID())
	h.Set("x-ms-version", orDefault(request.Get("x-ms-version"), orDefault(q.Get("sv"), sasVersion)))
	if id := request.Get("x-ms-client-request-id"); id != "" {
		h.Set("x-ms-client-request-id", id)
	}
}

// serveBlob is Get Blob, and for HEAD Get Blob Properties.
func (s *Storage) serveBlob(w *recorder, r *http.Request, f *File) {
	res := s.resource(f)
	h := w.Header()
	h.Set("Last-Modified", res.modTime.Format(http.TimeFormat))
	h.Set("ETag", res.etag)
	switch status := precondition(r.Header, res); status {
	case 0:
	case http.StatusNotModified:
		w.WriteHeader(status)
		return
	default:
		w.fail(status, 0)
		return
	}
	for name, value := range map[string]string{
		"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", "x-ms-blob-type": "BlockBlob",
		"x-ms-lease-status": "unlocked", "x-ms-lease-state": "available", "x-ms-server-encrypted": "true",
		"x-ms-creation-time": res.modTime.Add(-time.Second).Format(http.TimeFormat),
	} {
		h.Set(name, value)
	}
	useBlobRange(r)
	spans, ranged := parseRange(r.Header.Get("Range"), res.size)
	ranged = ranged && r.Method == http.MethodGet && ifRange(r.Header.Get("If-Range"), res)
	if s.config.ContentMD5 {
		name := "Content-MD5"
		if ranged {
			name = "x-ms-blob-content-md5" // of the whole blob: Content-MD5 would be that of the range
		}
		h.Set(name, f.blob.md5())
	}
	s.serveSpans(w, r, res, spans, ranged)
}

// useBlobRange makes the range that counts the Range of the request: x-ms-range comes first, and "bytes=a-" and "bytes=a-b"
// are understood (Storage REST docs "Specifying the range header for Blob service operations"). What becomes of other forms
// is not public: here they count for nothing.
func useBlobRange(r *http.Request) {
	value := orDefault(r.Header.Get("x-ms-range"), r.Header.Get("Range"))
	r.Header.Del("Range")
	if strings.HasPrefix(value, "bytes=") && !strings.HasPrefix(value, "bytes=-") && !strings.Contains(value, ",") {
		r.Header.Set("Range", value)
	}
}
