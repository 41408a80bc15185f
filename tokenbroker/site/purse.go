package site

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"branchpoint/tokenbroker"
	"branchpoint/tokenbroker/ccm"
)

const (
	// maxAudiences bounds what tokens are kept for: a site has one for its own distribution points, and one for each of the
	// cloud.
	maxAudiences = 256
	// maxPlaces bounds the contents of an audience that are remembered, to ask for its token with.
	maxPlaces = 4
	// maxRefused bounds the secrets of an audience that are remembered as refused.
	maxRefused = 16
	// refusalHold is how long a refused secret is not taken again. It ends since a server may refuse by mistake.
	refusalHold = 10 * time.Minute
	// missingHold is how long a way that had no token is not asked for one again.
	missingHold = 30 * time.Second
)

// pocket is what is known about the tokens of one audience.
type pocket struct {
	notes   map[string]note      // by way, or passed
	places  []ccm.Content        // that have a location of the audience, the latest first
	refused map[string]time.Time // by fingerprint: until when
	missing map[string]time.Time // by way: until when it is not asked
}

// purse notes tokens by what they are for and by whom they came.
type purse struct {
	mu         sync.Mutex
	pockets    *simplelru.LRU[string, *pocket]
	complaints map[string]string // by way: why its last question for a token brought none
}

func newPurse() *purse {
	return &purse{pockets: newRecent[string, *pocket](maxAudiences), complaints: map[string]string{}}
}

// pocket is that of the audience, made when it is new. The caller holds mu.
func (p *purse) pocket(audience string) *pocket {
	k, ok := p.pockets.Get(audience)
	if !ok {
		k = &pocket{notes: map[string]note{}, refused: map[string]time.Time{}, missing: map[string]time.Time{}}
		p.pockets.Add(audience, k)
	}
	return k
}

// take notes a token. One that lives longer stays in its place, as long as nobody has refused it.
func (p *purse) take(audience, from string, token ccm.Token, now time.Time) {
	token.Expires = token.Expires.Round(0) // wall time only: a token ages while a machine sleeps
	out, err := tokenbroker.NewToken(token.Reveal(), token.Expires)
	if err != nil || over(token, now) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.pocket(audience)
	print := out.Fingerprint()
	old, had := k.notes[from]
	same := had && old.out.Fingerprint() == print
	if now.Before(k.refused[print]) || had && !same && !over(old.token, now) && outlives(old.token, token) {
		return
	}
	delete(k.missing, from)
	delete(p.complaints, from)
	k.notes[from] = note{token, out, dueAt(token.Expires, now)}
}

// best is a token for the audience that came by one of those ways, in their order: the first that need not be replaced yet
// (then fresh is true), or else the first. What passed by is never fresh: it is somebody else's. ok is false when there is none.
func (p *purse) best(audience string, ways []string, now time.Time) (n note, fresh, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, known := p.pockets.Get(audience)
	if !known {
		return note{}, false, false
	}
	for _, from := range ways {
		one, had := k.notes[from]
		if !had || over(one.token, now) {
			continue
		}
		if from != passed && (one.due.IsZero() || now.Round(0).Before(one.due)) {
			return one, true, true
		}
		if !ok {
			n, ok = one, true
		}
	}
	return n, false, ok
}

// forget drops a token that somebody did not take, whoever gave it, and returns it. It may be given again: who asks for it judges.
func (p *purse) forget(audience, print string) (t ccm.Token, from []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k, known := p.pockets.Get(audience); known {
		return k.forget(print)
	}
	return t, nil
}

func (k *pocket) forget(print string) (t ccm.Token, from []string) {
	for name, one := range k.notes {
		if one.out.Fingerprint() == print {
			t, from = one.token, append(from, name)
			delete(k.notes, name)
		}
	}
	clear(k.missing) // there was a token, so that there may be another one
	return t, from
}

// refuse is forget for a token that the server for which it is did not take. It is not taken again for a while.
func (p *purse) refuse(audience, print string, now time.Time) (t ccm.Token, from []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, known := p.pockets.Get(audience)
	if !known {
		return t, nil
	}
	t, from = k.forget(print)
	for len(k.refused) >= maxRefused {
		oldest := ""
		for one, until := range k.refused {
			if oldest == "" || until.Before(k.refused[oldest]) {
				oldest = one
			}
		}
		delete(k.refused, oldest)
	}
	k.refused[print] = now.Add(refusalHold)
	return t, from
}

// drop forgets everything about an audience.
func (p *purse) drop(audience string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pockets.Remove(audience)
}

// visit remembers that a content has a location of the audience.
func (p *purse) visit(audience string, c ccm.Content) {
	if audience == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.pocket(audience)
	others := slices.DeleteFunc(k.places, func(o ccm.Content) bool { return fold(o) == fold(c) })
	k.places = slices.Insert(others, 0, c)
	k.places = k.places[:min(len(k.places), maxPlaces)]
}

// places are the contents that have a location of the audience, the latest first.
func (p *purse) places(audience string) []ccm.Content {
	p.mu.Lock()
	defer p.mu.Unlock()
	if k, ok := p.pockets.Get(audience); ok {
		return slices.Clone(k.places)
	}
	return nil
}

// miss says that a way had no token for the audience, or none that is not refused.
func (p *purse) miss(audience, from, why string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pocket(audience).missing[from] = now.Add(missingHold)
	p.complaints[from] = why
}

// missing tells whether a way had none a moment ago.
func (p *purse) missing(audience, from string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, ok := p.pockets.Get(audience)
	return ok && now.Before(k.missing[from])
}

// complain notes why a way brought no token.
func (p *purse) complain(from, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints[from] = why
}

func (p *purse) complaint(from string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.complaints[from]
}
