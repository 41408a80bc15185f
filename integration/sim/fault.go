package sim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// FaultKind is a way in which a server misbehaves.
type FaultKind uint8

const (
	// FaultStatus answers with Fault.Status and no file. 404 is a file that flips to missing.
	FaultStatus FaultKind = iota + 1
	// FaultSilence accepts the request and answers nothing until the fault is lifted or the client leaves.
	FaultSilence
	// FaultClose closes the connection after each response, and says so.
	FaultClose
	// FaultRangeIgnored answers a Range with 200 and the whole file.
	FaultRangeIgnored
	// FaultNoContentRange leaves Content-Range out of a 206.
	FaultNoContentRange
	// FaultWrongStart moves the range that Content-Range states by Fault.Delta; the body is the one asked for.
	FaultWrongStart
	// FaultWrongTotal adds Fault.Delta to the total that Content-Range states.
	FaultWrongTotal
	// FaultWrongSize serves the file as if it were Fault.Delta bytes longer (zero bytes follow) or shorter, in HEAD and GET.
	FaultWrongSize
	// FaultEncoding states Fault.Encoding as Content-Encoding; the body stays as it is.
	FaultEncoding
	// FaultShortBody closes the connection politely before the stated length is reached.
	FaultShortBody
	// FaultReset resets the connection. The client may get fewer bytes than were sent before.
	FaultReset
	// FaultDrip sends on at Fault.Rate bytes a second.
	FaultDrip
	// FaultStall stops sending until the fault is lifted or the client leaves, then sends on.
	FaultStall
	// FaultCorrupt flips the bits of one byte.
	FaultCorrupt
	// FaultKill kills the whole DP, as DP.Kill does.
	FaultKill
	// FaultEmpty answers with 200 and nothing in it: how a management point refuses a message.
	FaultEmpty
	// FaultRedirect answers with 302 and the place that Fault.To names.
	FaultRedirect
	// FaultGarbage answers with broken XML, where the answer is XML. A DP, whose answers are files, has none of the faults from
	// here on.
	FaultGarbage
	// FaultDTD puts a document type with nested entities before the XML.
	FaultDTD
	// FaultBomb answers with zlib data that inflate to Fault.Delta bytes. Zero means 64 MiB.
	FaultBomb
	// FaultClock answers with a clock that is Fault.Delta seconds ahead (or behind). Zero means an hour.
	FaultClock
)

// Fault says how, where and how often a server misbehaves.
type Fault struct {
	// Kind is required.
	Kind FaultKind
	// Match limits the fault to requests whose raw target contains it, whatever the letter case. Empty matches all.
	Match string
	// Methods limits the fault to these. Empty means GET, POST and CCM_POST, and HEAD for faults that are neither in ranges
	// nor in bodies.
	Methods []string
	// Message limits the fault to messages for this endpoint ("MP_LocationManager"), or with this root in their body
	// ("ContentLocationRequest"). Empty does not limit it.
	Message string
	// Count is how many requests it strikes. Zero means every one until it is lifted.
	Count int
	// After is how many bytes of the response's body are sent before the fault strikes: FaultShortBody to FaultKill. A
	// response that is not longer than that is spared, and not counted.
	After int64
	// Offset, when positive, stands for After: the fault strikes where a response of one range reaches this offset of the
	// file, and spares responses that do not.
	Offset int64
	// Delta is in bytes, for FaultWrongStart, FaultWrongTotal and FaultWrongSize; zero means 1 there. FaultBomb and FaultClock
	// say what it is for them.
	Delta int64
	// Status of FaultStatus, 400 to 599. Zero means 503.
	Status int
	// Substatus of FaultStatus is that of IIS, as 7 in 403.7. Zero is none.
	Substatus int
	// Reason of FaultStatus is what the status line says. Empty says what is usual.
	Reason string
	// To is the Location of FaultRedirect. Empty means "/redirected".
	To string
	// RetryAfter of FaultStatus, in seconds. Zero sends no such header.
	RetryAfter int
	// Rate of FaultDrip in bytes a second. Zero means 1024.
	Rate int64
	// Encoding of FaultEncoding. Empty means "peerdist".
	Encoding string
}

// complete checks a fault and fills in what zero stands for.
func (f Fault) complete() (Fault, error) {
	switch {
	case f.Kind < FaultStatus || f.Kind > FaultClock:
		return f, fmt.Errorf("there is no fault kind %d", f.Kind)
	case strings.ContainsAny(f.Reason+f.To, "\r\n"):
		return f, errors.New("reason and target of a fault go into one line")
	case f.Kind == FaultBomb && (f.Delta < 0 || f.Delta > 1<<30):
		return f, errors.New("what inflates to less than nothing, or more than 1 GiB, is no fault for a test")
	case f.Count < 0 || f.Substatus < 0 || f.After < 0 || f.Offset < 0 || f.Rate < 0 || f.RetryAfter < 0:
		return f, errors.New("count, after, offset, rate and retry-after of a fault cannot be negative")
	case f.After > 0 && f.Offset > 0:
		return f, errors.New("after and offset of a fault exclude each other")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return f, fmt.Errorf("status %d of a fault is no error", f.Status)
	}
	f.Match = strings.ToLower(f.Match)
	f.Delta = orDefault(f.Delta, f.Kind.usualDelta())
	f.Status = orDefault(f.Status, http.StatusServiceUnavailable)
	f.Rate = orDefault(f.Rate, 1024)
	f.Encoding = orDefault(f.Encoding, "peerdist")
	f.To = orDefault(f.To, "/redirected")
	if len(f.Methods) == 0 {
		f.Methods = []string{http.MethodGet, http.MethodPost, "CCM_POST"}
		if !f.Kind.needsRange() && !f.Kind.strikesBody() {
			f.Methods = append(f.Methods, http.MethodHead)
		}
	}
	return f, nil
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

func (k FaultKind) usualDelta() int64 {
	switch k {
	case FaultBomb:
		return 64 << 20
	case FaultClock:
		return 3600
	}
	return 1
}

// early faults strike before the file is looked for.
func (k FaultKind) early() bool { return k <= FaultClose || k == FaultEmpty || k == FaultRedirect }

// spoils says that the fault makes something else of an answer in XML.
func (k FaultKind) spoils() bool { return k >= FaultGarbage }

func (k FaultKind) needsRange() bool { return k >= FaultRangeIgnored && k <= FaultWrongTotal }

func (k FaultKind) strikesBody() bool { return k >= FaultShortBody && k <= FaultKill }

// applies says whether a request is one that the fault is about. message is the endpoint and the root of its body, when it
// is a message.
func (f *Fault) applies(method, target string, message ...string) bool {
	return slices.Contains(f.Methods, method) && strings.Contains(strings.ToLower(target), f.Match) &&
		(f.Message == "" || slices.Contains(message, f.Message))
}

// at is the place in a response's body where the fault strikes, and whether that is within the body.
func (f *Fault) at(spans []span) (int64, bool) {
	var length int64
	for _, s := range spans {
		length += s.length
	}
	at := f.After
	if f.Offset > 0 {
		if len(spans) != 1 {
			return 0, false
		}
		at = f.Offset - spans[0].start
	}
	return at, at >= 0 && at < length
}
