package content

import (
	"strings"
	"time"
)

// blobParameters are the parameters that the query of a blob's URL may have. They say who may read, and until when, and nothing
// of what is read. They are those of a shared access signature (Storage REST docs, "Create a service SAS", "Create a user
// delegation SAS", "Create an account SAS") and two of "Get Blob" that choose no bytes.
//
// What is not here makes a request one that is passed on: "snapshot" and "versionid" choose another object, "comp" and
// "restype" another operation; "rscc", "rscd", "rsce", "rscl" and "rsct" choose headers of the answer, so that what one
// client asked for would be told to others, and "rsce" may even name a coding.
var blobParameters = map[string]bool{
	"sv": true, "sr": true, "sp": true, "st": true, "se": true, "sip": true, "spr": true, "si": true, "sdd": true, "ses": true,
	"sig":   true,
	"skoid": true, "sktid": true, "skt": true, "ske": true, "sks": true, "skv": true, "skdutid": true, "sduoid": true,
	"saoid": true, "suoid": true, "scid": true,
	"ss": true, "srt": true,
	"api-version": true, // of the protocol, like the header x-ms-version
	"timeout":     true, // how long the service may take
}

// readSignature reads the query of a blob's URL. It reports false when the query holds something that is not known, or holds it
// twice. until is the end that the signature names, of its own or of the key that it was made with, zero when it names none:
// then the end is in a policy that only the service knows.
func readSignature(query string) (until time.Time, ok bool) {
	if query == "" {
		return time.Time{}, true
	}
	seen := make(map[string]bool)
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if !blobParameters[name] || seen[name] {
			return time.Time{}, false
		}
		seen[name] = true
		if name != "se" && name != "ske" {
			continue
		}
		end, ok := signatureTime(value)
		if !ok {
			return time.Time{}, false
		}
		if until.IsZero() || end.Before(until) {
			until = end
		}
	}
	return until, true
}

// signatureTimes are the forms of ISO 8601 that a signature may have a time in (Storage REST docs, "Formatting date/time
// values"). The parser takes fractions of a second everywhere.
var signatureTimes = [...]string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02"}

func signatureTime(value string) (time.Time, bool) {
	text, _ := unescape(value, lenient)
	for _, form := range signatureTimes {
		if at, err := time.Parse(form, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}
