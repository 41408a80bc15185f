package ccm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Delivery is a way in which the token for a site's own distribution points may come to a client. Which one CM uses is not
// public. The token of a cloud distribution point always comes with its location (Microsoft's page on cloud distribution
// points).
type Delivery string

const (
	// InLocationReply is in the answer to a content location request. What speaks for it: the request has an attribute
	// DPTokenAuth, and Microsoft's page on cloud distribution points has clients get a token together with the locations. It
	// is the default.
	InLocationReply Delivery = "location-reply"
	// ByTokenManager is a signed message of its own to the endpoint MP_TokenManager, which management points have.
	ByTokenManager Delivery = "token-manager"
	// ByTokenServices is a message TokenServicesRequest to MP_LocationManager, which knows that name.
	ByTokenServices Delivery = "token-services"
	// BySTS is the CCM token that CCM_STS issues.
	BySTS Delivery = "sts"
)

// Decoding is how a token is wrapped where it is found. Not public either; Microsoft's KB4490065 says that old clients
// cannot "decode" it.
type Decoding string

const (
	// Plain is the token itself.
	Plain Decoding = "none"
	// Base64 is with or without padding, of either alphabet.
	Base64 Decoding = "base64"
	// Hex is hexadecimal digits.
	Hex Decoding = "hex"
	// Enveloped is a CMS EnvelopedData (RFC 5652) for the client's certificate, in hexadecimal or base64: the form of secret
	// policies.
	Enveloped Decoding = "cms-enveloped"
)

// The bodies of the two messages of their own: the names of the roots are known or guessed from those of the endpoints,
// what is in them is guessed.
const (
	tokenManagerBody  = `<TokenRequest SchemaVersion="1.00"><ClientID>{SMSID}</ClientID><SiteCode Name="{SITECODE}"/></TokenRequest>`
	tokenServicesBody = `<TokenServicesRequest SchemaVersion="1.00"><ClientID>{SMSID}</ClientID><SiteCode Name="{SITECODE}"/></TokenServicesRequest>`
)

// DPTokenSettings say where the token for distribution points comes from. No public source shows any of it: an
// administrator who has seen the messages of a site completes them.
type DPTokenSettings struct {
	// Delivery is the way of the site's token. Empty is InLocationReply.
	Delivery Delivery
	// Paths are where an answer holds the token, that of the site or of a cloud location, the first that has something counts: "Root/Child/@Attribute", "//Name". Empty
	// is any element or attribute called DPToken, DPAuthToken, AccessToken, AuthToken, ContentToken, CCMToken or Token.
	Paths []string
	// ExpiryPaths are where it says how long the token is good: a time (RFC 3339; UTC where it names no zone), seconds since
	// 1970, or seconds from now. Empty is nowhere. A token that is a JWT says so itself.
	ExpiryPaths []string
	// Body is the message of ByTokenManager and ByTokenServices, with {SMSID}, {SITECODE}, {HOST} and {TIME} for what they say.
	// Empty is a guess.
	Body string
	// Decode is how the token is wrapped. Empty is Plain.
	Decode Decoding
	// MaxAge is how long a token is used at most. 0 is 8 h.
	MaxAge time.Duration
	// STS gives the token for BySTS. Required there.
	STS TokenSource
}

func (s DPTokenSettings) withDefaults() DPTokenSettings {
	set(&s.Delivery, InLocationReply)
	set(&s.Decode, Plain)
	set(&s.MaxAge, 8*time.Hour)
	if s.Body == "" {
		s.Body = map[Delivery]string{ByTokenManager: tokenManagerBody, ByTokenServices: tokenServicesBody}[s.Delivery]
	}
	if len(s.Paths) == 0 {
		for _, name := range []string{"DPToken", "DPAuthToken", "AccessToken", "AuthToken", "ContentToken", "CCMToken", "Token"} {
			s.Paths = append(s.Paths, "//@"+name, "//"+name)
		}
	}
	return s
}

// deliveryRules are settings that have been checked.
type deliveryRules struct {
	DPTokenSettings
	paths, expiries []path
}

func (s DPTokenSettings) rules() (r deliveryRules, err error) {
	r.DPTokenSettings = s
	if err := s.validate(); err != nil {
		return r, fmt.Errorf("token for distribution points: %w", err)
	}
	if r.paths, err = parsePaths(s.Paths); err == nil {
		r.expiries, err = parsePaths(s.ExpiryPaths)
	}
	if err != nil {
		return r, fmt.Errorf("token for distribution points: %w", err)
	}
	return r, nil
}

func (s DPTokenSettings) validate() error {
	switch s.Delivery {
	case InLocationReply:
	case ByTokenManager, ByTokenServices:
		if _, err := parseXML(s.Body); err != nil {
			return fmt.Errorf("the message to ask with: %w", err)
		}
	case BySTS:
		if s.STS == nil {
			return errors.New("the delivery is that of the STS, and there is none")
		}
	default:
		return fmt.Errorf("the delivery %q is none of %q, %q, %q and %q", s.Delivery, InLocationReply, ByTokenManager,
			ByTokenServices, BySTS)
	}
	if s.Decode != Plain && s.Decode != Base64 && s.Decode != Hex && s.Decode != Enveloped {
		return fmt.Errorf("the decoding %q is none of %q, %q, %q and %q", s.Decode, Plain, Base64, Hex, Enveloped)
	}
	if s.MaxAge < 0 {
		return errors.New("the greatest age must not be negative")
	}
	return nil
}

// expiry reads a time in one of the forms of ExpiryPaths. Zero: it is none of them.
func expiry(text string, now time.Time) time.Time {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 && n <= latest {
		if n < 1e9 { // as a date that is in 2001: a time that is left
			return now.Add(time.Duration(min(n, 1e9)) * time.Second)
		}
		return time.Unix(n, 0).UTC()
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}
