package site

import (
	"context"
	"errors"
	"fmt"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// tokenKey names a question for a token.
type tokenKey struct {
	way      *way
	audience string
}

// token returns a token for an audience by the first of the ways that has one. What is noted and need not be replaced is
// taken without asking; what passed by only when the ways have none. spare says that the caller has somebody else to ask.
func (s *Site) token(ctx context.Context, t *terms, ways []*way, audience string, spare bool) (note, error) {
	from := append(namesOf(ways), passed)
	held, fresh, ok := s.purse.best(audience, from, s.now())
	if fresh {
		return held, nil
	}
	got, err := round[note]{
		doing: "token for " + fmt.Sprintf("%.128q", audience), ways: ways, spare: spare || ok, now: s.now,
		ask: func(w *way) *flight[note] { return s.fetch(t, w, audience) },
	}.run(ctx)
	if err == nil {
		return got, nil
	}
	// Meanwhile one may have come with locations, or passed by.
	if held, _, ok = s.purse.best(audience, from, s.now()); ok {
		return held, nil
	}
	return note{}, err
}

// fetch asks one way for a token.
func (s *Site) fetch(t *terms, w *way, audience string) *flight[note] {
	return s.fetched.join(s.workers, tokenKey{w, audience}, func(ctx context.Context, wanted func() bool) (note, error) {
		if s.purse.missing(audience, w.name, s.now()) {
			return note{}, newTrouble(w.name+": "+s.purse.complaint(w.name), ccm.ErrNoToken)
		}
		err := s.seek(ctx, t, w, audience, wanted)
		if err != nil && !errors.Is(err, ccm.ErrNoToken) && !isOdd(err) {
			return note{}, err
		}
		held, _, ok := s.purse.best(audience, []string{w.name}, s.now())
		switch {
		case err == nil && ok:
			return held, nil
		case err == nil:
			err = newTrouble("the token that the site gives was refused a short while ago", ccm.ErrNoToken)
		}
		s.purse.miss(audience, w.name, saying(err), s.now())
		if isOdd(err) {
			return note{}, err
		}
		return note{}, newTrouble(w.name+": "+saying(err), ccm.ErrNoToken)
	})
}

// seek asks one way in the manner of the audience. Without an error there was a token.
func (s *Site) seek(ctx context.Context, t *terms, w *way, audience string, wanted func() bool) error {
	if audience == t.siteAudience {
		return s.askForSite(ctx, t, w, wanted)
	}
	places := s.purse.places(audience)
	if len(places) == 0 {
		return newTrouble("no content is known to be there")
	}
	return s.askForCloud(ctx, t, w, audience, places[:min(len(places), 2)])
}

// askForSite asks for the token of the site's own distribution points, and notes it. Where tokens come with locations it
// takes a content that has some: one that had a token before, the one that somebody just wanted, or the client package, which
// every site has.
func (s *Site) askForSite(ctx context.Context, t *terms, w *way, wanted func() bool) (err error) {
	for _, c := range s.candidates(t.siteAudience) {
		var got ccm.Token
		put := func(ctx context.Context, client Client) (err error) {
			got, err = client.DPToken(ctx, c, t.place())
			return err
		}
		err = s.ask(ctx, w, question{lane: opening, about: &c, token: true, wanted: wanted, put: put})
		if now := s.now(); err == nil && over(got, now) {
			return newTrouble(fmt.Sprintf("the token that the site gives ended at %s, and here it is %s; compare the clocks",
				got.Expires.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)), ccm.ErrNoToken)
		}
		if err == nil {
			s.purse.take(t.siteAudience, w.name, got, s.now())
			return nil
		}
		if !errors.Is(err, ccm.ErrNoToken) && !isOdd(err) {
			return err
		}
	}
	return err
}

// candidates are the contents to ask for a token with.
func (s *Site) candidates(audience string) []ccm.Content {
	list := s.purse.places(audience)
	list = list[:min(len(list), 1)]
	if wanted := s.wanted.Load(); wanted != nil && (len(list) == 0 || fold(list[0]) != fold(*wanted)) {
		list = append(list, *wanted)
	}
	if len(list) == 0 || list[len(list)-1].Kind != ccm.ClientPackage {
		list = append(list, ccm.Content{})
	}
	return list
}

// askForCloud locates again what has a location of the audience, since the token comes with it.
func (s *Site) askForCloud(ctx context.Context, t *terms, w *way, audience string, places []ccm.Content) error {
	for _, c := range places {
		if _, err := s.locate(t, w, c, opening).wait(ctx); isOdd(err) {
			continue
		} else if err != nil {
			return err
		}
		if _, fresh, _ := s.purse.best(audience, []string{w.name}, s.now()); fresh {
			return nil
		}
	}
	return newTrouble("the site gives no token with the locations there", ccm.ErrNoToken)
}
