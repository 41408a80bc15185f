package sim

import (
	"errors"
	"fmt"
	"net/http"
)

// BITSError is an error that ends a BITS job, with the code that Windows would show (win32 docs "BITS return values").
type BITSError struct {
	// HRESULT is the code, 0x80190000 plus the status for a status.
	HRESULT uint32
	// Reason in words.
	Reason string
}

// Error implements error.
func (e *BITSError) Error() string { return fmt.Sprintf("BITS error 0x%08x: %s", e.HRESULT, e.Reason) }

const (
	bitsForbidden         = 0x80190193
	bitsMissingFileSize   = 0x80200011
	bitsInsufficientRange = 0x80200013
	bitsInvalidResponse   = 0x8020001b
	bitsInvalidRange      = 0x8020002b
	bitsDuplicateRange    = 0x8020002c
)

// BITSFatal says whether BITS gives up on a status; it retries after all others that are not a success (win32 docs
// "Handling server application errors").
func BITSFatal(status int) bool {
	switch {
	case status >= 300 && status <= 305, status == http.StatusTemporaryRedirect:
		return true
	case status == http.StatusRequestTimeout, status == http.StatusConflict:
		return false
	case status >= 400 && status <= 499:
		return true
	}
	return status == http.StatusNotImplemented || status == http.StatusHTTPVersionNotSupported
}

// bitsStatus makes an error of a status: one that ends the job, or one that is retried.
func bitsStatus(status int, doing string) error {
	if BITSFatal(status) {
		return &BITSError{0x80190000 | uint32(status), doing + ": " + http.StatusText(status)}
	}
	return &statusError{status, doing}
}

// errChanged says that the file is another one than before: BITS starts it again (win32 docs "File transfer
// consistency").
var errChanged = errors.New("the file changed")

// bitsRetries says whether the job goes on after an error: all trouble with the network is transient.
func bitsRetries(err error) bool {
	var fatal *BITSError
	return !errors.As(err, &fatal) && !errors.Is(err, errWrongBytes) && !errors.Is(err, errTooLong)
}
