package sim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// FaultKind is a way in which a DP misbehaves.
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
)

// Fault says how, where and how often a DP misbehaves.
type Fault struct {
	// Kind is required.
	Kind FaultKind
	// Match limits the fault to requests whose raw target contains it, whatever the letter case. Empty matches all.
	Match string
	// Methods limits the fault to these. Empty means GET for faults in ranges and bodies, GET and HEAD for the others.
	Methods []string
	// Count is how many requests it strikes. Zero means every one until it is lifted.
	Count int
	// After is how many bytes of the response's body are sent before the fault strikes: FaultShortBody to FaultKill. A
	// response that is not longer than that is spared, and not counted.
	After int64
	// Offset, when positive, stands for After: the fault strikes where a response of one range reaches this offset of the
	// file, and spares responses that do not.
	Offset int64
	// Delta is in bytes, for FaultWrongStart, FaultWrongTotal and FaultWrongSize. Zero means 1.
	Delta int64
	// Status of FaultStatus, 400 to 599. Zero means 503.
	Status int
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
	case f.Kind < FaultStatus || f.Kind > FaultKill:
		return f, fmt.Errorf("there is no fault kind %d", f.Kind)
	case f.Count < 0 || f.After < 0 || f.Offset < 0 || f.Rate < 0 || f.RetryAfter < 0:
		return f, errors.New("count, after, offset, rate and retry-after of a fault cannot be negative")
	case f.After > 0 && f.Offset > 0:
		return f, errors.New("after and offset of a fault exclude each other")
	case f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return f, fmt.Errorf("status %d of a fault is no error", f.Status)
	}
	f.Match = strings.ToLower(f.Match)
	f.Delta = orDefault(f.Delta, 1)
	f.Status = orDefault(f.Status, http.StatusServiceUnavailable)
	f.Rate = orDefault(f.Rate, 1024)
	f.Encoding = orDefault(f.Encoding, "peerdist")
	if len(f.Methods) == 0 {
		f.Methods = []string{http.MethodGet}
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

// early faults strike before the file is looked for.
func (k FaultKind) early() bool { return k <= FaultClose }

func (k FaultKind) needsRange() bool { return k >= FaultRangeIgnored && k <= FaultWrongTotal }

func (k FaultKind) strikesBody() bool { return k >= FaultShortBody }

// applies says whether a request is one that the fault is about.
func (f *Fault) applies(method, target string) bool {
	return slices.Contains(f.Methods, method) && strings.Contains(strings.ToLower(target), f.Match)
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
