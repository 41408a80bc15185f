package ccm

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
	"unicode"
)

// What is wrong with what stands in the place of a token.
const (
	errNotEncoded   = flaw("the token is not encoded as the settings say")
	errNoKeyForIt   = flaw("the token is encrypted, and there is no key to open it")
	errNotEnveloped = flaw("the token does not open with the key of this identity")
	errNotAToken    = flaw("what stands in the place of the token is no text for a header field")
)

// make makes a token of what was found in an answer, with what the answer says about its expiry.
func (r deliveryRules) make(value, expires string, i *Identity, now time.Time) (Token, error) {
	text, err := r.unwrap(value, i)
	if err != nil {
		return Token{}, err
	}
	t, err := NewToken(text, sooner(expiry(expires, now), now.Add(r.MaxAge)))
	if err != nil {
		return Token{}, errNotAToken
	}
	return t, nil
}

// unwrap takes off a token what the settings say is around it.
func (r deliveryRules) unwrap(value string, i *Identity) (string, error) {
	var raw []byte
	var err error
	switch r.Decode {
	case Base64:
		raw, err = decodeBase64(value)
	case Hex:
		raw, err = hex.DecodeString(withoutSpace(value))
	case Enveloped:
		if raw, err = hex.DecodeString(withoutSpace(value)); err != nil {
			raw, err = decodeBase64(value)
		}
	default:
		return value, nil
	}
	if err != nil {
		return "", errNotEncoded
	}
	if r.Decode == Enveloped {
		if raw, err = i.open(raw); err != nil {
			return "", err
		}
	}
	text, err := decodeAny(raw)
	if err != nil {
		return "", errNotAToken
	}
	return text, nil
}

// decodeBase64 takes both alphabets, with and without padding and line breaks.
func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(withoutSpace(s), "=")
	s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	return base64.RawStdEncoding.DecodeString(s)
}

func withoutSpace(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// replyTokens are the tokens in the answer to a content location request.
type replyTokens struct {
	general Token              // of the whole answer
	of      map[*element]Token // of one LocationRecord
	clouds  map[*element]bool  // the records of cloud distribution points
	err     error              // the first that is none
}

// at is the token of a location in a record. What a cloud location came with is not for another one beside it.
func (t replyTokens) at(record *element, cloud bool) Token {
	if t.clouds[record] != cloud {
		return Token{}
	}
	return t.of[record]
}

// inReply finds the tokens in an answer. Those of the clouds always come with them, since each has an audience of its own;
// all others are there only when that is how the site's is delivered.
func (r deliveryRules) inReply(root *element, clouds map[*element]bool, i *Identity, now time.Time) replyTokens {
	found := replyTokens{of: map[*element]Token{}, clouds: clouds}
	expires := first(r.expiries, root)
	for _, p := range r.paths {
		p.find(root, func(chain []*element, value string) bool {
			record := recordIn(chain)
			if !found.of[record].IsZero() || r.Delivery != InLocationReply && !clouds[record] {
				return true
			}
			t, err := r.make(value, expires, i, now)
			if err != nil && found.err == nil {
				found.err = err
			}
			found.of[record] = t
			return true
		})
	}
	found.general = found.of[nil]
	delete(found.of, nil)
	return found
}

// recordIn is the LocationRecord around a value. Nil: there is none.
func recordIn(chain []*element) *element {
	for _, e := range chain {
		if e.name == "LocationRecord" {
			return e
		}
	}
	return nil
}
