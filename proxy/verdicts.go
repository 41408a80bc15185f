package proxy

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"branchpoint/proxy/content"
)

// verdicts remembers that a credential was admitted to a content. Refusals are not remembered: a client that was just
// given access must not wait.
type verdicts struct {
	key   [32]byte
	terms *atomic.Pointer[terms]

	admitted *lru.Cache[verdictID, *admission]
}

// admission is a distribution point's word.
type admission struct {
	at       time.Time
	until    time.Time    // when the credential ends by its own words, zero: it does not say
	brief    bool         // the credential ends, and nobody says when: no grace
	extended atomic.Int64 // until when it counts without another question, Unix nanoseconds
}

// ended tells whether the credential has ended, whatever age the admission has.
func (a *admission) ended() bool { return !a.until.IsZero() && !time.Now().Before(a.until) }

// verdictID is a keyed hash of the credential, the host and the content, so that no credential is kept. That of a blob is one of
// its whole URL.
type verdictID [sha256.Size]byte

// maxVerdicts is 5,000 clients with a dozen contents each.
const maxVerdicts = 1 << 16

// extension is how long an old admission counts after a question that nobody answered. Such a question may take as long as
// a distribution point may be silent: a client with thousands of files cannot wait for it with each.
const extension = time.Minute

func (v *verdicts) init(terms *atomic.Pointer[terms]) {
	rand.Read(v.key[:])
	v.terms = terms
	v.admitted, _ = lru.New[verdictID, *admission](maxVerdicts) // fails only for a size below one
}

// notCredentials are the request headers that say nothing of who asks. How a token is presented is not public, so every
// other header counts as part of the credential.
var notCredentials = []string{"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "If-Match",
	"If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Pragma", "Range", "User-Agent", "Via",
	"X-Ms-Client-Request-Id", "X-Ms-Date", "X-Ms-Version", "X-P2p-Peerdist", "X-P2p-Peerdistex"}

// id names the question whether the sender of t.Header may have the content of t.
func (v *verdicts) id(t content.Target) verdictID {
	mac := hmac.New(sha256.New, v.key[:])
	part := func(s string) {
		mac.Write([]byte{byte(len(s) >> 16), byte(len(s) >> 8), byte(len(s))})
		mac.Write([]byte(s))
	}
	part(t.Scheme + "://" + t.Host)
	part(t.Vdir.String())
	part(t.ID.Group())
	if t.ID.Share == content.Blob {
		part(t.Raw)
	}
	names := make([]string, 0, len(t.Header))
	for name := range t.Header {
		if !slices.Contains(notCredentials, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range t.Header[name] {
			part(name)
			part(value)
		}
	}
	return verdictID(mac.Sum(nil))
}

// settled tells whether the admission counts, so that nobody needs to be asked.
func (v *verdicts) settled(id verdictID) bool {
	a, ok := v.admitted.Get(id)
	if !ok || a.ended() {
		return false
	}
	age, in := time.Since(a.at), v.terms.Load()
	return age < in.verdictAge || age < in.grace && time.Now().UnixNano() < a.extended.Load()
}

// extend lets an old admission count a little longer, because nobody could be asked. It reports false when there is none,
// or when it is older than the grace.
func (v *verdicts) extend(id verdictID) bool {
	a, ok := v.admitted.Get(id)
	if !ok || a.brief || a.ended() || time.Since(a.at) >= v.terms.Load().grace {
		return false
	}
	a.extended.Store(time.Now().Add(extension).UnixNano())
	return true
}

// note remembers that the sender of t.Header may have the content of t.
func (v *verdicts) note(id verdictID, t content.Target) {
	v.admitted.Add(id, &admission{at: time.Now(), until: t.Until, brief: t.Signed && t.Until.IsZero()})
}

// forget ends an admission: the grace is for a distribution point that is silent, and this one has spoken.
func (v *verdicts) forget(id verdictID) { v.admitted.Remove(id) }
