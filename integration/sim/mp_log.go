package sim

import (
	"slices"
	"sync"
	"time"
)

// MPEntry is one request to a management point, as its own logs would tell it. No token, key or signature is in it.
type MPEntry struct {
	// Time the request came, by the clock of the management point.
	Time time.Time
	// Conn is the number of the connection.
	Conn uint64
	// Directory is the virtual directory in lower case: "ccm_system", "sms_mp_altauth", "ccm_sts".
	Directory string
	// Endpoint is that of a message ("MP_LocationManager"), and ".sms_aut" for a document.
	Endpoint string
	// Request is the root of a message's body ("ContentLocationRequest"), or the name of a document ("MPLIST1").
	Request string
	// Content is the id of the content that a location request asks for.
	Content string
	// Machine is the NetBIOS name: as registered, when a good signature says who it is, otherwise what the message says.
	Machine string
	// SMSID is the client id, when a good signature says who it is, or when a registration was taken. Empty otherwise.
	SMSID string
	// Account is who logged in with Windows authentication.
	Account string
	// Forwarded is how the client authenticated at the gateway, when its connector sent the request.
	Forwarded string
	// Status is that of HTTP.
	Status int
	// Refused is why a message was answered with nothing. Empty: it was answered.
	Refused string
	// Stated is Body/@Length of a message, Length what it should have been. A real management point does not mind.
	Stated, Length int
	// Tokens is how many were issued with the answer.
	Tokens int
}

// MPLog keeps the requests of a management point, newest logKeep of them.
type MPLog struct {
	mu      sync.Mutex
	entries []MPEntry
}

func (l *MPLog) add(e MPEntry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) >= logKeep {
		l.entries = slices.Delete(l.entries, 0, logKeep/2)
	}
	l.entries = append(l.entries, e)
}

// Entries returns the requests that are kept, oldest first.
func (l *MPLog) Entries() []MPEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}
