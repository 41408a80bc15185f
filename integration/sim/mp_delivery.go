package sim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// DeliveryForm is a way in which the token for a site's distribution points may come to a client. Which one a real site
// uses is not public: the four are what its documents and its endpoints make possible.
type DeliveryForm uint8

const (
	// DeliverInReply puts it into the answer to a content location request.
	DeliverInReply DeliveryForm = iota
	// DeliverByTokenManager answers a signed message to MP_TokenManager, whatever its root is called.
	DeliverByTokenManager
	// DeliverByTokenServices answers a signed TokenServicesRequest to MP_LocationManager.
	DeliverByTokenServices
	// DeliverNowhere leaves it to the token service: distribution points take what that issues.
	DeliverNowhere
	deliveryForms = iota
)

func deliveryNames() [deliveryForms]string {
	return [...]string{"location-reply", "token-manager", "token-services", "nowhere"}
}

// UnmarshalText implements encoding.TextUnmarshaler for "location-reply", "token-manager", "token-services" and "nowhere".
func (f *DeliveryForm) UnmarshalText(text []byte) error {
	names := deliveryNames()
	i := slices.Index(names[:], string(text))
	if i < 0 {
		return fmt.Errorf("there is no delivery %q, but %v", text, names)
	}
	*f = DeliveryForm(i)
	return nil
}

// DeliveryPlace is the element of a location reply that carries the token of the site.
type DeliveryPlace uint8

const (
	// PlaceRoot is ContentLocationReply itself.
	PlaceRoot DeliveryPlace = iota
	// PlaceSite is each Site.
	PlaceSite
	// PlaceRecord is each LocationRecord that needs it.
	PlaceRecord
)

// TokenEncoding is how a token is wrapped. KB 4490065 says that old clients cannot "decode" it, and no more.
type TokenEncoding uint8

const (
	// EncodeNot is the token itself.
	EncodeNot TokenEncoding = iota
	// EncodeBase64 is standard base64.
	EncodeBase64
	// EncodeHex is hexadecimal in upper case.
	EncodeHex
	// EncodeCMS is a CMS EnvelopedData in hexadecimal for the client's certificate, with the token in UTF-16: the form of
	// secret policies.
	EncodeCMS
	tokenEncodings = iota
)

func encodingNames() [tokenEncodings]string {
	return [...]string{"none", "base64", "hex", "cms-enveloped"}
}

// UnmarshalText implements encoding.TextUnmarshaler for "none", "base64", "hex" and "cms-enveloped".
func (e *TokenEncoding) UnmarshalText(text []byte) error {
	names := encodingNames()
	i := slices.Index(names[:], string(text))
	if i < 0 {
		return fmt.Errorf("there is no encoding %q, but %v", text, names)
	}
	*e = TokenEncoding(i)
	return nil
}

// TokenDelivery says how tokens come to clients, and how long they are good. None of it is public.
type TokenDelivery struct {
	// Form of the site's token. Tokens of clouds come with their location records, whatever the form.
	Form DeliveryForm
	// Place of the site's token in a location reply.
	Place DeliveryPlace
	// Name of the element or attribute. Empty means "DPToken".
	Name string
	// Attribute makes it an attribute of its place. Otherwise it is an element in it.
	Attribute bool
	// ExpiryName is the attribute, beside the token, that says until when it is good: UTC, with the fraction of the second if there is
	// one. Empty says nothing.
	ExpiryName string
	// Encoding wraps the token.
	Encoding TokenEncoding
	// CMS says how, for EncodeCMS.
	CMS Enveloping
	// Life is how long a token of the site is good. Zero means 8 hours.
	Life time.Duration
	// CloudLife is how long one of a cloud is good. Zero means 24 hours, which memdocs says of cloud distribution points.
	CloudLife time.Duration
}

func (d TokenDelivery) complete() (TokenDelivery, error) {
	d.Name = cmp.Or(d.Name, "DPToken")
	d.Life = cmp.Or(d.Life, 8*time.Hour)
	d.CloudLife = cmp.Or(d.CloudLife, 24*time.Hour)
	switch {
	case d.Form >= deliveryForms || d.Place > PlaceRecord || d.Encoding >= tokenEncodings:
		return d, errors.New("there is no such delivery, place or encoding of tokens")
	case d.Life < 0 || d.CloudLife < 0:
		return d, errors.New("the life of a token cannot be negative")
	case !isXMLName(d.Name), d.ExpiryName != "" && !isXMLName(d.ExpiryName):
		return d, errors.New("a token or its expiry has a name that XML does not allow")
	}
	return d, nil
}

func isXMLName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == "" &&
		!strings.ContainsAny(s[:1], "0123456789-.")
}
