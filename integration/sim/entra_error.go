package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// entraError is an error of the token endpoint (learn.microsoft.com "Microsoft Entra authentication and authorization error
// codes", RFC 6749 section 5.2). The zero value is none.
type entraError struct {
	status int
	code   string
	number int // AADSTS…
	text   string
}

// entraPage is what a fault answers with: an error that fits its status.
func entraPage(h http.Header, status, _ int) string {
	no := entraError{status, "invalid_request", 900144, "The request is not good."}
	switch {
	case status == http.StatusUnauthorized:
		no.code, no.number, no.text = "invalid_client", 7000215, "Invalid client secret provided."
	case status == http.StatusServiceUnavailable:
		no.code, no.number, no.text = "temporarily_unavailable", 90033, "A transient error has occurred. Please try again."
	case status >= 500:
		no.code, no.number, no.text = "server_error", 90033, "A transient error has occurred. Please try again."
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	return no.page()
}

func (no entraError) page() string {
	at, trace, correlation := time.Now().UTC().Format("2006-01-02 15:04:05Z"), newGUID(), newGUID()
	text, err := json.Marshal(map[string]any{
		"error": no.code, "error_codes": []int{no.number}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", no.number, no.text, trace, correlation, at),
	})
	if err != nil { // texts and numbers always go into JSON
		return "{}"
	}
	return string(text)
}

// refuse answers with an error.
func (no entraError) refuse(w *recorder) {
	page := no.page()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(len(page)))
	w.WriteHeader(no.status)
	_, _ = w.Write([]byte(page)) // the log has noted it
}
