package sim

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// put writes a token into an element.
func (d TokenDelivery) put(into *xmlNode, t issued, to *x509.Certificate) error {
	text, err := d.wrap(t.token, to)
	if err != nil {
		return err
	}
	if d.Attribute {
		into.set(d.Name, text)
	} else {
		into.with(leaf(d.Name, text))
	}
	if d.ExpiryName != "" {
		into.set(d.ExpiryName, t.until.UTC().Format(time.RFC3339Nano))
	}
	return nil
}

func (d TokenDelivery) wrap(token Secret, to *x509.Certificate) (string, error) {
	switch text := token.Reveal(); d.Encoding {
	case EncodeBase64:
		return base64.StdEncoding.EncodeToString([]byte(text)), nil
	case EncodeHex:
		return upperHex([]byte(text)), nil
	case EncodeCMS:
		if to == nil {
			return "", refused("nobody is known whom a token could be encrypted to")
		}
		der, err := d.CMS.seal(utf16le(text), to)
		if err != nil {
			return "", err
		}
		return upperHex(der), nil
	default:
		return text, nil
	}
}

func upperHex(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

// issued is a new token.
type issued struct {
	token Secret
	until time.Time
}

// issue makes a token that all of the sets accept. Each set says by its own clock when it ends.
func issue(life time.Duration, sets ...*Tokens) issued {
	t := issued{token: NewSecret(rand.Text() + rand.Text())}
	for _, set := range sets {
		until := set.now().Add(life)
		set.Accept(t.token, until)
		if t.until.IsZero() || until.Before(t.until) {
			t.until = until
		}
	}
	return t
}

// siteTokens are the sets of tokens that the distribution points of some sources accept, each once.
func siteTokens(sources []Source) (sets []*Tokens) {
	for _, s := range sources {
		if s.DP != nil && s.DP.config.Tokens != nil && !slices.Contains(sets, s.DP.config.Tokens) {
			sets = append(sets, s.DP.config.Tokens)
		}
	}
	return sets
}
