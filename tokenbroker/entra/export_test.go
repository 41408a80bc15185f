package entra

import "time"

// Hasty makes a source that asks again soon.
func Hasty(s *Source) *Source {
	s.person.pause = time.Millisecond
	return s
}
