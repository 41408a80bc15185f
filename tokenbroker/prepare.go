package tokenbroker

import (
	"fmt"
	"slices"
	"time"
)

// terms are what a configuration says. They are never changed: Prepare puts others in their place.
type terms struct {
	chain        []*link // in the order in which they are asked
	presentation Presentation
	maxAge       time.Duration
	ahead        time.Duration
}

// newTerms checks a configuration that has its defaults.
func newTerms(config Config) (*terms, error) {
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("token broker: %w", err)
	}
	t := &terms{presentation: config.Presentation, maxAge: config.MaxAge, ahead: config.RefreshBefore}
	for _, s := range config.Sources {
		t.chain = append(t.chain, newLink(s))
	}
	return t, nil
}

// Prepare checks a new configuration, and returns what puts it into force for the calls to come. The Registerer and the Logger
// stay those of New. Tokens stay in use, and so do those that clients have presented or that were handed in, as long as there
// is a source of that kind. When the sources or the ages change, each token is fetched anew at its next use, while it goes on
// being used. When the presentation changes, what servers refused in the old one may be shown to them again. A source that is no
// longer there is asked no more, but for the fetches that are under way.
func (b *Broker) Prepare(config Config) (commit func(), err error) {
	next, err := newTerms(config.withDefaults())
	if err != nil {
		return nil, err
	}
	return func() { b.commit(next) }, nil
}

func (b *Broker) commit(next *terms) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.terms.Load()
	kept := next.inherit(old)
	b.terms.Store(next)
	sameHeader := old.presentation.name() == next.presentation.name() && old.presentation.format() == next.presentation.format()
	if kept && sameHeader && old.maxAge == next.maxAge && old.ahead == next.ahead {
		return
	}
	now := time.Now()
	for _, a := range b.audiences.Values() {
		if !sameHeader {
			clear(a.refused)
		}
		a.expectNews()
		a.due = now
	}
}

// inherit takes over what the sources of old know, and tells whether they are the same as ours.
func (t *terms) inherit(old *terms) (same bool) {
	left := slices.Clone(old.chain)
	same = len(t.chain) == len(old.chain)
	for i, l := range t.chain {
		at := slices.IndexFunc(left, l.inherit)
		if at >= 0 {
			left = slices.Delete(left, at, at+1)
		}
		same = same && at == 0 && l.Name() == old.chain[i].Name()
	}
	return same
}

// Drop forgets everything about an audience that no server has any more: its tokens, and those that sources remember.
func (b *Broker) Drop(audience string) {
	for _, l := range b.terms.Load().chain {
		if d, ok := l.Source.(Dropper); ok {
			d.Drop(audience)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.audiences.Remove(audience)
}

// heir is a source that can take the place of one from an earlier configuration.
type heir interface {
	// inherit takes over what old knows. It tells whether both ask the same place: then a question that old has not answered
	// stands in the way of further ones.
	inherit(old Source) bool
}

func (l *link) inherit(old *link) bool {
	h, ok := l.Source.(heir)
	if l.Source != old.Source && !(ok && h.inherit(old.Source)) {
		return false
	}
	l.late = old.late
	return true
}

func (s *RequestSource) inherit(old Source) bool {
	o, ok := old.(*RequestSource)
	if ok {
		s.memory = o.memory
	}
	return ok
}

func (s *TaskSequenceSource) inherit(old Source) bool {
	o, ok := old.(*TaskSequenceSource)
	if ok {
		s.memory = o.memory
	}
	return ok && o.variable == s.variable
}

func (s *FileSource) inherit(old Source) bool {
	o, ok := old.(*FileSource)
	if ok = ok && o.path == s.path; ok {
		s.warned.Store(o.warned.Load())
	}
	return ok
}

func (s *EnvironmentSource) inherit(old Source) bool {
	o, ok := old.(*EnvironmentSource)
	return ok && o.variable == s.variable
}

func (s *CommandSource) inherit(old Source) bool {
	o, ok := old.(*CommandSource)
	return ok && o.timeout == s.timeout && slices.Equal(o.argv, s.argv)
}
