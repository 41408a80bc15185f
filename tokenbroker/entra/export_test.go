package entra

import "time"

// Hasty makes a source that asks again soon.
func Hasty(s *Source) *Source {
	s.person.pause = time.Millisecond
	return s
}

// Settle waits for what becomes of the sign-in that a Token began.
func Settle(s *Source) { s.person.wg.Wait() }
