package sim

import (
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// errorNetnameDeleted is the sc-win32-status that IIS logs when the client has gone (ERROR_NETNAME_DELETED).
const errorNetnameDeleted = 64

// Entry is one request in a DP's log. Request headers other than the user agent are not in it, so no token can be.
type Entry struct {
	// Time the request came, UTC.
	Time time.Time
	// Conn is the number of the connection, 0 when it is not one of the DP's own.
	Conn uint64
	// Method, and the raw halves of the request target. Query is empty when there is none.
	Method, Stem, Query string
	// Server and Client are IP addresses, Port is the server's.
	Server, Port, Client string
	// Scheme is "http" or "https".
	Scheme string
	// Host is the Host header as sent, ServerName the name that the client asked for in its TLS handshake. Neither is in the
	// written log.
	Host, ServerName string
	// User is who logged in with Windows authentication, empty for everybody else.
	User string
	// UserAgent as sent.
	UserAgent string
	// Status, Substatus and Win32 are the three status columns of IIS.
	Status, Substatus, Win32 int
	// Bytes of the body.
	Bytes int64
	// Took is the time until the response was complete.
	Took time.Duration
}

func entryOf(r *http.Request, now time.Time) Entry {
	e := Entry{Time: now.UTC(), Method: r.Method, Scheme: "http", Host: r.Host, UserAgent: r.UserAgent()}
	e.Stem, e.Query, _ = strings.Cut(originForm(r.RequestURI), "?")
	e.Client, _, _ = net.SplitHostPort(r.RemoteAddr)
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		e.Server, e.Port, _ = net.SplitHostPort(local.String())
	}
	if r.TLS != nil {
		e.Scheme, e.ServerName = "https", r.TLS.ServerName
	}
	if c := connOf(r.Context()); c != nil {
		e.Conn = c.id
	}
	return e
}

// line is the entry in the W3C extended log format with the fields that IIS writes by default.
func (e Entry) line() string {
	field := func(s string) string {
		return cmp.Or(strings.NewReplacer(" ", "+", "\r", "", "\n", "", "\t", "+").Replace(s), "-")
	}
	return fmt.Sprintf("%s %s %s %s %s %s %s %s %s %d %d %d %d\r\n", e.Time.Format("2006-01-02 15:04:05"),
		field(e.Server), e.Method, field(e.Stem), field(e.Query), field(e.Port), field(e.User), field(e.Client),
		field(e.UserAgent), e.Status, e.Substatus, e.Win32, e.Took.Milliseconds())
}

// Log keeps the requests of a DP, newest logKeep of them in memory, and writes them to w. Several DPs may share one.
type Log struct {
	mu      sync.Mutex
	w       io.Writer
	started bool
	entries []Entry
	err     error
}

// logKeep bounds the memory of a simulator that runs for hours.
const logKeep = 100_000

// NewLog returns a log that writes to w too, unless that is nil.
func NewLog(w io.Writer) *Log { return &Log{w: w} }

func (l *Log) add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) >= logKeep {
		l.entries = slices.Delete(l.entries, 0, logKeep/2)
	}
	l.entries = append(l.entries, e)
	if l.w == nil || l.err != nil {
		return
	}
	text := e.line()
	if !l.started {
		l.started = true
		text = "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n" +
			"#Date: " + e.Time.Format("2006-01-02 15:04:05") + "\r\n" +
			"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) " +
			"sc-status sc-substatus sc-win32-status time-taken\r\n" + text
	}
	_, l.err = io.WriteString(l.w, text)
}

// Entries returns the requests that are kept, oldest first.
func (l *Log) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Err is the error that ended writing to the writer, nil when there was none.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
