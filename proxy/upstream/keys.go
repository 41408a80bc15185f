package upstream

import (
	"context"
	"errors"
	"net/http"
)

// keys are the tokens that are tried on one door, one after the other.
type keys struct {
	tokens   Authorizer
	audience string
	host     string // whose door it is

	tried bool
	first uint64 // the stamp of the first one, and
	stamp uint64 // of the last one tried
}

// maxKeys is how many are tried: the one in use, another one, and what clients have shown, which may be anything.
const maxKeys = 6

var errSameKey = errors.New("there is no other token")

// next puts a token on h that may do better than the last one.
func (k *keys) next(ctx context.Context, h http.Header) (err error) {
	var stamp uint64
	if k.tried {
		stamp, err = k.tokens.Another(ctx, k.audience, k.first, k.host, h)
	} else {
		stamp, err = k.tokens.Authorize(ctx, k.audience, h)
		k.first = stamp
	}
	if err == nil && k.tried && stamp == k.stamp {
		err = errSameKey // it would be refused again
	}
	k.tried, k.stamp = true, stamp
	return err
}

// answered takes the status that the last token got, and whether it opened the door. It tells whether another one may do
// better. A 403 says something about the token only when another one opens the same door.
func (k *keys) answered(status int, opened bool) (again bool) {
	switch {
	case opened:
		k.tokens.Accepted(k.audience, k.stamp, k.host)
	case status == http.StatusUnauthorized:
		k.tokens.Refused(k.audience, k.stamp, k.host)
	}
	return status == http.StatusForbidden || status == http.StatusUnauthorized
}
