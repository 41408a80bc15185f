package sim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	manifestPath = "/downloadrestservice.svc/getcontentxmlsecure"
	sha256RSA    = "1.2.840.113549.1.1.11" // what a published log shows as alg; here the signature is an HMAC by that name
	queryTime    = "2006-01-02T15:04:05"
)

// CloudLocation is where a client gets the manifest of a content: what a location reply names for a cloud DP.
type CloudLocation struct {
	// URL with its signed query. It is a secret.
	URL Secret
	// Header and Value go with the request when Header is not empty: the signature, when it does not travel in the query.
	Header string
	Value  Secret
}

// Locate signs the location of a content (by its URL segment: "PS100010", "Content_<guid>.1") for a client, which is named
// by its GUID.
func (s *ContentService) Locate(client, segment string) CloudLocation {
	now := s.config.Now().UTC()
	query := fmt.Sprintf("pid=%s&cid=%s&tid=GUID:%s&iss=%s&alg=%s&st=%s&et=%s", url.QueryEscape(segment), url.QueryEscape(segment),
		url.QueryEscape(client), url.QueryEscape(s.config.Issuer), sha256RSA, now.Format(queryTime), now.Add(s.config.Life).Format(queryTime))
	base, sig := s.URL("https")+manifestPath+"?"+query, s.sign(query)
	if s.config.SignatureHeader != "" {
		return CloudLocation{URL: NewSecret(base), Header: s.config.SignatureHeader, Value: NewSecret(sig)}
	}
	return CloudLocation{URL: NewSecret(base + "&sig=" + url.QueryEscape(sig))}
}

func (s *ContentService) sign(query string) string {
	mac := hmac.New(sha256.New, []byte(s.key.Reveal()))
	mac.Write([]byte(query))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// ServeHTTP answers with a manifest.
func (s *ContentService) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(w, r, s.answer) }

func (s *ContentService) answer(w *recorder, r *http.Request) {
	w.entry.Query = "" // it is a secret
	w.Header().Set("Server", "Microsoft-IIS/10.0")
	if done := s.sufferEarly(w, r); done {
		return
	}
	status := http.StatusOK
	switch {
	case !strings.EqualFold(r.URL.Path, manifestPath):
		status = http.StatusNotFound
	case r.Method != http.MethodGet:
		status = http.StatusMethodNotAllowed
	case !s.signed(r):
		status = s.config.RefusedStatus
	case s.config.Tokens != nil:
		status = s.config.Tokens.check(r.Header)
	}
	if status != http.StatusOK {
		w.fail(status, 0)
		return
	}
	client := strings.TrimPrefix(r.URL.Query().Get("tid"), "GUID:")
	w.entry.User = client
	s.serveManifest(w, client, r.URL.Query().Get("cid"))
}

// signed says whether the query has our signature and is in force.
func (s *ContentService) signed(r *http.Request) bool {
	query, sig := r.URL.RawQuery, r.Header.Get(s.config.SignatureHeader)
	if s.config.SignatureHeader == "" {
		var text string
		query, text, _ = strings.Cut(query, "&sig=")
		var err error
		if sig, err = url.QueryUnescape(text); err != nil {
			return false
		}
	}
	if !hmac.Equal([]byte(sig), []byte(s.sign(query))) {
		return false
	}
	now := s.config.Now().UTC().Truncate(time.Second)
	start, err1 := time.Parse(queryTime, r.URL.Query().Get("st"))
	end, err2 := time.Parse(queryTime, r.URL.Query().Get("et"))
	return err1 == nil && err2 == nil && !now.Before(start) && now.Before(end)
}

func (s *ContentService) serveManifest(w *recorder, client, segment string) {
	storage := s.config.Storage
	v, ok := storage.config.Library.resolve(segment, nil)
	if !ok {
		w.fail(http.StatusNotFound, 0)
		return
	}
	var files []CloudFile
	for _, f := range v.Files() {
		held := storage.current(v, f)
		files = append(files, CloudFile{Content: held.Content, Version: held.Version, Path: f.Path, Size: held.Size,
			URL: storage.sign(blobName(v, f), client, s.config.BlobLife)})
	}
	var text bytes.Buffer
	if err := s.config.Write(&text, files); err != nil {
		w.fail(http.StatusInternalServerError, 0)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/xml; charset=utf-8")
	h.Set("Content-Length", fmt.Sprint(text.Len()))
	if s.config.CacheControl != "" {
		h.Set("Cache-Control", s.config.CacheControl)
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text.Bytes()) // the log has noted it
}
