package proxy

import "strings"

// LearnedShape is what kind of text the value of a header is. It is made of a few fixed words, so it cannot give the value
// away.
type LearnedShape struct {
	// Scheme is the word in front: one of the well-known ones, "other" for any other word, which is not told, and empty for none.
	Scheme string `json:"scheme"`
	// JWT says that the rest looks like a JSON web token, three parts with dots between them.
	JWT bool `json:"jwt"`
	// Size is how long the rest is: ShortText, MediumText or LongText.
	Size string `json:"size"`
}

// OtherScheme is the Scheme of a word that is not well known.
const OtherScheme = "other"

// The sizes, no finer than what tells a token from a flag.
const (
	ShortText  = "under 64 bytes"
	MediumText = "64 to 1023 bytes"
	LongText   = "1024 bytes or more"
)

// String describes the shape to people.
func (s LearnedShape) String() string {
	rest := "opaque text"
	if s.JWT {
		rest = "JSON web token"
	}
	switch s.Scheme {
	case "":
	case OtherScheme:
		rest = "a word, then " + rest
	default:
		rest = s.Scheme + ", then " + rest
	}
	return rest + ", " + s.Size
}

// schemes are authentication schemes (the registry of RFC 9110, section 16.4.1, and what is used besides).
var schemes = [...]string{"Basic", "Bearer", "CCM", "CCMToken", "Digest", "DPoP", "GNAP", "HOBA", "JWT", "Kerberos", "Mutual",
	"Negotiate", "NTLM", "OAuth", "PrivateToken", "SCRAM-SHA-1", "SCRAM-SHA-256", "Token", "vapid"}

// shapeOf looks at a value.
func shapeOf(value string) LearnedShape {
	rest := strings.TrimSpace(value)
	var shape LearnedShape
	if word, behind, ok := strings.Cut(rest, " "); ok && isToken(word) {
		shape.Scheme, rest = OtherScheme, strings.TrimSpace(behind)
		for _, scheme := range schemes {
			if strings.EqualFold(word, scheme) {
				shape.Scheme = scheme
			}
		}
	}
	shape.JWT = isJWT(rest)
	switch {
	case len(rest) < 64:
		shape.Size = ShortText
	case len(rest) < 1024:
		shape.Size = MediumText
	default:
		shape.Size = LongText
	}
	return shape
}

// isJWT tells whether a text has the form of a signed JSON web token: RFC 7515, section 7.1, where the first part is a JSON
// object and so begins with "eyJ".
func isJWT(s string) bool {
	parts := strings.Split(s, ".")
	for _, part := range parts {
		for i := range len(part) {
			if c := part[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return len(parts) == 3 && strings.HasPrefix(s, "eyJ") && parts[1] != ""
}
