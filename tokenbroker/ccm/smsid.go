package ccm

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
)

// smsidPrefix stands before the GUID of a client wherever it is named.
const smsidPrefix = "GUID:"

var errSMSID = errors.New(`a client id is "GUID:" and 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12`)

// parseSMSID returns the id of a client in the form in which it is signed: with its prefix, in upper case.
func parseSMSID(s string) (string, error) {
	guid := strings.ToUpper(strings.TrimSpace(s))
	guid = strings.Trim(strings.TrimPrefix(guid, smsidPrefix), "{}")
	if !isGUID(guid) {
		return "", errSMSID
	}
	return smsidPrefix + guid, nil
}

func isGUID(s string) bool {
	groups := strings.Split(s, "-")
	if len(groups) != 5 {
		return false
	}
	for i, size := range [...]int{8, 4, 4, 4, 12} {
		if _, err := hex.DecodeString(groups[i]); err != nil || len(groups[i]) != size {
			return false
		}
	}
	return true
}

// newGUID returns a random GUID (RFC 9562 version 4) in upper case, without braces.
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := strings.ToUpper(hex.EncodeToString(b[:]))
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
