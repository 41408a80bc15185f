package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A service SAS for one blob (Storage REST docs "Create a service SAS", version 2020-12-06 and later): the query of a URL
// says what it allows, and sig is the HMAC-SHA256 of that and of the blob's name by the account's key.

const sasVersion = "2020-12-06"

// grant is what a signed URL allows: its holder, to read one blob for a time.
type grant struct {
	holder        string // the name of its stored access policy, so that each client's URLs differ and can be revoked
	start, expiry time.Time
}

func (g grant) query() url.Values {
	return url.Values{
		"sv": {sasVersion}, "st": {g.start.Format(time.RFC3339)}, "se": {g.expiry.Format(time.RFC3339)}, "sr": {"b"}, "sp": {"r"},
		"spr": {"https"}, "si": {g.holder},
	}
}

// encode puts the parameters into the order that is usual.
func encode(q url.Values) string {
	var parts []string
	for _, name := range []string{"sv", "st", "se", "sr", "sp", "spr", "si"} {
		parts = append(parts, name+"="+url.QueryEscape(q.Get(name)))
	}
	return strings.Join(parts, "&")
}

// signature signs a query for a blob, "container/path".
func (s *Storage) signature(q url.Values, name string) string {
	fields := []string{q.Get("sp"), q.Get("st"), q.Get("se"), "/blob/" + s.account() + "/" + name}
	for _, parameter := range []string{"si", "sip", "spr", "sv", "sr", "", "ses", "rscc", "rscd", "rsce", "rscl", "rsct"} {
		fields = append(fields, q.Get(parameter)) // "" is the time of a snapshot, of which there is none
	}
	key, _ := base64.StdEncoding.DecodeString(s.config.Key.Reveal()) // NewStorage has checked it
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(strings.Join(fields, "\n")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// account is the first label of the host.
func (s *Storage) account() string {
	name, _, _ := strings.Cut(s.setup.host, ".")
	return name
}

// admit decides about a request for a blob. The zero problem lets it in.
func (s *Storage) admit(r *http.Request, q url.Values, name string) (holder string, no azureError) {
	if !q.Has("sig") {
		return "", azureError{http.StatusConflict, "PublicAccessNotPermitted", ""}
	}
	if !hmac.Equal([]byte(q.Get("sig")), []byte(s.signature(q, name))) {
		return "", authenticationFailed("Signature did not match.")
	}
	holder = q.Get("si")
	now := s.config.Now().UTC()
	start, err1 := time.Parse(time.RFC3339, q.Get("st"))
	expiry, err2 := time.Parse(time.RFC3339, q.Get("se"))
	if err1 != nil || err2 != nil || now.Before(start) || !now.Before(expiry) {
		return holder, authenticationFailed(fmt.Sprintf("Signature not valid in the specified time frame: Start [%s] - Expiry [%s] - Current [%s]",
			start.Format(http.TimeFormat), expiry.Format(http.TimeFormat), now.Format(http.TimeFormat)))
	}
	s.mu.Lock()
	revoked, noHead := s.revoked[holder], s.noHead
	s.mu.Unlock()
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead && !noHead
	switch {
	case revoked:
		return holder, authenticationFailed("Access policy not found.")
	case !reads || q.Has("comp") || q.Has("restype"): // another operation than Get Blob and Get Blob Properties
		return holder, azureError{http.StatusForbidden, "AuthorizationPermissionMismatch", ""}
	}
	return holder, azureError{}
}

func authenticationFailed(detail string) azureError {
	return azureError{http.StatusForbidden, "AuthenticationFailed", detail}
}
