// Package entra gets tokens of Microsoft Entra for the service that exchanges them for CCM tokens.
//
// A token comes from Entra itself (for an application with a secret or a certificate, for the identity that Azure gives a
// machine, or for a person who signs in elsewhere with a code), or from a file or a command of somebody who has one. Whichever
// it is, a Source keeps it in memory, and gets the next one before it ends.
package entra

import (
	"context"
	"fmt"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// ahead is how long before the end of a token the next one is got: several tries fit in it. Microsoft's libraries leave as
// much.
const ahead = 5 * time.Minute

// Source gives tokens of Microsoft Entra. It may be used by many goroutines. It prints no secret. Close it when done.
type Source struct {
	kept   *ccm.Kept
	person *person // nil: nobody has to sign in
	now    func() time.Time
}

var _ ccm.TokenSource = (*Source)(nil)

// answer is a token as it comes. The text is in a closure, where nothing prints it.
type answer struct {
	text    func() string
	expires time.Time // zero: not known
}

func newAnswer(text string, expires time.Time) answer {
	return answer{func() string { return text }, expires}
}

// New returns a source for config. It refuses settings that cannot work, and says why. Nothing is sent yet.
func New(config Config) (*Source, error) {
	config, err := config.checked()
	if err != nil {
		return nil, fmt.Errorf("entra: %w", err)
	}
	s := &Source{now: config.Now}
	get, err := s.getter(config)
	if err != nil {
		return nil, fmt.Errorf("entra: %w", err)
	}
	s.kept, err = ccm.Keep(func(ctx context.Context) (ccm.Token, error) { return s.fetch(ctx, config.Timeout, get) }, ahead, config.Now)
	if err != nil {
		return nil, fmt.Errorf("entra: %w", err)
	}
	return s, nil
}

// getter is the way to one token.
func (s *Source) getter(config Config) (func(context.Context) (answer, error), error) {
	switch config.Type {
	case ClientCredentials:
		return newCredentials(config)
	case ManagedIdentity:
		return newManaged(config)
	case DeviceCode:
		var err error
		if s.person, err = newPerson(config); err != nil {
			return nil, err
		}
		return s.person.token, nil
	case File:
		return newFile(config), nil
	default:
		return newCommand(config), nil
	}
}

// Token returns a token that is good for now. An error is a *ccm.Error, which holds no secret; it Is ErrRefused, ErrSignIn,
// ErrUnavailable or ErrStrange, or one of ccm's: ErrUnreachable, ErrServer, ErrRedirected.
func (s *Source) Token(ctx context.Context) (ccm.Token, error) { return s.kept.Token(ctx) }

// Forget says that t was not taken: the next Token is another one, if there is another one.
func (s *Source) Forget(t ccm.Token) { s.kept.Forget(t) }

// fetch gets one token, and makes sure that it is one.
func (s *Source) fetch(ctx context.Context, timeout time.Duration, get func(context.Context) (answer, error)) (ccm.Token, error) {
	inTime, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	inTime, seen := withNote(inTime)
	got, err := get(inTime)
	if err != nil {
		return ccm.Token{}, failure(ctx, seen, err)
	}
	t, err := ccm.NewToken(got.text(), got.expires)
	switch {
	case err != nil:
		return ccm.Token{}, failure(ctx, seen, fmt.Errorf("%w: what is there is none", ErrUnavailable))
	case !t.Expires.IsZero() && !s.now().Before(t.Expires):
		return ccm.Token{}, failure(ctx, seen, fmt.Errorf("%w: the one that is there ended at %s", ErrUnavailable, t.Expires.UTC().Format(time.RFC3339)))
	}
	return t, nil
}

// Close ends a sign-in that nobody has done yet, and waits until nothing of it is under way, or until ctx ends.
func (s *Source) Close(ctx context.Context) error {
	if s.person == nil {
		return nil
	}
	return s.person.close(ctx)
}
