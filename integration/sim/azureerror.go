package sim

import (
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// azureError is an error of blob storage (Storage REST docs "Status and error codes", "Blob service error codes").
type azureError struct {
	status int
	code   string
	detail string // of an AuthenticationFailed
}

// azureCodes are the codes of what has a status and no code of its own: conditions, ranges and faults.
func azureCode(status int) string {
	switch status {
	case http.StatusForbidden:
		return "AuthenticationFailed"
	case http.StatusNotFound:
		return "BlobNotFound"
	case http.StatusPreconditionFailed:
		return "ConditionNotMet"
	case http.StatusRequestedRangeNotSatisfiable:
		return "InvalidRange"
	case http.StatusServiceUnavailable:
		return "ServerBusy"
	}
	return "InternalError"
}

// azureMessage is what the service says to a code.
func azureMessage(code string) string {
	switch code {
	case "AuthenticationFailed":
		return "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature."
	case "AuthorizationPermissionMismatch":
		return "This request is not authorized to perform this operation using this permission."
	case "PublicAccessNotPermitted":
		return "Public access is not permitted on this storage account."
	case "BlobNotFound":
		return "The specified blob does not exist."
	case "ContainerNotFound":
		return "The specified container does not exist."
	case "ConditionNotMet":
		return "The condition specified using HTTP conditional header(s) is not met."
	case "InvalidRange":
		return "The range specified is invalid for the current size of the resource."
	case "ServerBusy":
		return "The server is busy."
	}
	return "Server encountered an internal error. Please try again after some time."
}

// azurePage is the page of an error that has a status only.
func azurePage(h http.Header, status, _ int) string { return azureError{status: status}.page(h) }

func (e azureError) page(h http.Header) string {
	code := orDefault(e.code, azureCode(e.status))
	h.Set("Content-Type", "application/xml")
	h.Set("x-ms-error-code", code)
	var b strings.Builder
	fmt.Fprintf(&b, "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code><Message>%s\nRequestId:%s\nTime:%s</Message>",
		code, azureMessage(code), h.Get("x-ms-request-id"), time.Now().UTC().Format("2006-01-02T15:04:05.0000000Z"))
	if e.detail != "" {
		b.WriteString("<AuthenticationErrorDetail>")
		_ = xml.EscapeText(&b, []byte(e.detail)) // a Builder never fails
		b.WriteString("</AuthenticationErrorDetail>")
	}
	b.WriteString("</Error>")
	return b.String()
}

// send answers with the error.
func (e azureError) send(w *recorder) {
	w.page = func(h http.Header, _, _ int) string { return e.page(h) }
	w.fail(e.status, 0)
}

// requestID looks like those of Azure.
func requestID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
