package identity

import (
	"crypto/sha1" //nolint:gosec // the thumbprint that Windows shows
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// choose returns which certificates of a list a query means: the indices of those that can be used, the one that is good for
// longest first. The error says how far the search came.
func (q Query) choose(list []*x509.Certificate, now time.Time) (usable []int, err error) {
	matched := 0
	for at, c := range list {
		if !q.matches(c) {
			continue
		}
		matched++
		if unfit := fit(c); unfit != nil {
			err = unfit
		} else if now.Before(c.NotBefore) || now.After(c.NotAfter) {
			err = ErrNotValid
		} else {
			usable = append(usable, at)
		}
	}
	switch {
	case matched == 0:
		return nil, errors.New("the certificate store has no such certificate")
	case len(usable) == 0:
		return nil, fmt.Errorf("of %d such certificates in the store none can be used: %w", matched, err)
	}
	slices.SortStableFunc(usable, func(a, b int) int { return list[b].NotAfter.Compare(list[a].NotAfter) })
	return usable, nil
}

func (q Query) matches(c *x509.Certificate) bool {
	sum := sha1.Sum(c.Raw) //nolint:gosec // see above
	return (q.Issuer == "" || strings.EqualFold(q.Issuer, c.Issuer.CommonName)) &&
		(q.Subject == "" || strings.EqualFold(q.Subject, c.Subject.CommonName)) &&
		(q.Thumbprint == "" || strings.EqualFold(plainThumbprint(q.Thumbprint), hex.EncodeToString(sum[:])))
}

// plainThumbprint is the thumbprint without what the certificate dialog of Windows puts into it when it is copied: spaces,
// and an invisible mark (U+200E) at its beginning.
func plainThumbprint(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == ':' || r == '\u200e' {
			return -1
		}
		return r
	}, text)
}
