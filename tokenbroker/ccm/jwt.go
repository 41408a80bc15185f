package ccm

import (
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// expiryClaim reads the one claim that counts here; others may have any type.
type expiryClaim struct {
	jwt.RegisteredClaims `json:"-"`
	Expiry               *jwt.NumericDate `json:"exp"`
}

// latest is the end of the year 9999, the last that RFC 3339 can write.
const latest = 253402300799

// jwtExpiry is the "exp" claim (RFC 7519 section 4.1.4) of a text that reads as a JWT, and zero of any other. The
// signature is for the server to check: a lie about the expiry costs one refusal.
func jwtExpiry(text string) time.Time {
	var claims expiryClaim
	_, _, err := jwt.NewParser().ParseUnverified(text, &claims)
	// An unknown algorithm is no obstacle to reading a date. The claims are decoded before it is looked at.
	if err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) || claims.Expiry == nil {
		return time.Time{}
	}
	if unix := claims.Expiry.Unix(); unix <= 0 || unix > latest {
		return time.Time{}
	}
	return claims.Expiry.UTC().Truncate(time.Second)
}
