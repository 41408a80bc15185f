package tokenbroker

import (
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// expiryClaim reads the one claim that we need; others may have any type.
type expiryClaim struct {
	jwt.RegisteredClaims `json:"-"`
	Expiry               *jwt.NumericDate `json:"exp"`
}

// jwtExpiry returns the "exp" claim (RFC 7519 section 4.1.4) of a secret that reads as a JWT, and zero otherwise. The
// signature is not checked: the server that takes the token does that, and a lie about the expiry costs one refusal.
func jwtExpiry(secret string) time.Time {
	var claims expiryClaim
	_, _, err := jwt.NewParser().ParseUnverified(secret, &claims)
	// An unknown algorithm is no obstacle to reading a date. The claims are decoded before it is looked at.
	if err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) || claims.Expiry == nil {
		return time.Time{}
	}
	return plausible(claims.Expiry.Time)
}

// endOf9999 is the last second that RFC 3339, and so JSON, can write.
const endOf9999 = 253402300799

// plausible turns a date that overflowed, or that cannot be written down, into "not known".
func plausible(t time.Time) time.Time {
	if u := t.Unix(); u <= 0 || u > endOf9999 {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Second)
}
