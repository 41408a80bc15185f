package tokenbroker

import (
	"errors"
	"strings"
	"time"
)

// maxText is the longest token with room for what may stand around it.
const maxText = maxToken + 16

// tokenFromText is the token in what a file, a variable or a command gave: without the newline that editors and echo
// leave, and without the byte order mark of Windows editors. Empty text is ErrUnavailable.
func tokenFromText(text []byte) (Token, error) {
	secret := strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff"))
	if secret == "" {
		return Token{}, ErrUnavailable
	}
	return NewToken(secret, time.Time{})
}

// vouch marks an error of NewToken as fit to be shown: it says what is wrong with a secret and never holds it.
func vouch(t Token, err error) (Token, error) {
	if err == nil || errors.Is(err, ErrUnavailable) {
		return t, err
	}
	return Token{}, Failure(err.Error())
}
