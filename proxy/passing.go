package proxy

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
)

// What passes between clients and their site is read on its way: it says where content is, and which blob in the cloud is which
// file. The bytes are copied while they pass, and a Reader sees the copies when the exchange is over. So nothing is changed and
// nobody waits; what cannot be copied whole is not shown at all.

// Reader is shown what passes by between clients and their site: the servers of Config.SiteHosts, and no others. One goroutine
// calls it, one call after the other, some time after the exchange; while it is busy for long, what passes is not shown. What
// it is given is full of secrets, and is not to be kept or changed after it has returned.
type Reader interface {
	// Message shows a message to a management point and the answer to it. Both are whole.
	Message(m PassedMessage)
	// List shows the list of the files of a content in the cloud. The host is host:port of the service, the target is what it was
	// asked, path and query. The query may be signed, and signed URLs are in the body.
	List(host, target string, body []byte)
}

// PassedMessage is a CM message that passed by, and its answer. It cannot be printed.
type PassedMessage struct {
	// Host is host:port of the management point or gateway, in lower case.
	Host string
	// Own says that a process of this machine is the client, by a listener whose entitlement is machine: a token in the answer is
	// ours as much as its own. Otherwise it is the client's alone.
	Own bool
	// Secure says that it passed over TLS.
	Secure bool
	// RequestType and AnswerType are the content types of the bodies. The request has 1 MiB at the most, the answer 8 MiB; no
	// body is empty, or has a content coding.
	RequestType, AnswerType string
	Request, Answer         []byte
}

// redacted stands for a secret wherever one is printed.
const redacted = "redacted"

// Format prints "redacted" for every verb and flag.
func (PassedMessage) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// LogValue returns "redacted".
func (PassedMessage) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns the JSON string "redacted".
func (PassedMessage) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// reading is an exchange that is read in passing.
type reading struct {
	room    *budget
	message PassedMessage // without the bodies; of a list the host alone
	target  string        // of a list, otherwise empty
	request *copied       // of a message, otherwise nil
	answer  *copied       // nil: there is none that would teach anything
	coded   bool          // something has a content coding
}

// watch begins to read an exchange when it is one between a client and its site.
func (p *Proxy) watch(e *exchange, r *http.Request) {
	if p.readings == nil || e.foreign || !p.isSite(r) {
		return
	}
	raw := rawTarget(r)
	secure := r.URL.Scheme == "https"
	one := &reading{
		room: &p.readings.room, message: PassedMessage{Host: hostPort(r), Own: e.listener.Entitlement == Machine, Secure: secure},
	}
	switch {
	case r.Method == "CCM_POST" && isForMessages(raw) && r.ContentLength != 0:
		one.message.RequestType = r.Header.Get("Content-Type")
		one.request = newCopied(one.room, maxPassedRequest, r.ContentLength)
		one.coded = isCoded(r.Header)
		if !one.coded {
			r.Body = &copiedBody{r.Body, one.request}
		}
	case r.Method == http.MethodGet && isCloudList(raw) && secure: // a server of the cloud has no other
		one.target = raw
	default:
		return
	}
	e.reading = one
}

// isSite tells whether a request leads to a server of the site.
func (p *Proxy) isSite(r *http.Request) bool {
	_, ok := p.terms.Load().siteHosts[hostPort(r)]
	return ok
}

// isForMessages tells whether a target is where a management point takes messages, or a gateway for it: "request" in one of the
// directories ccm_system, ccm_system_windowsauth, ccm_system_altauth and ccm_system_tokenauth (memdocs, "Microsoft Entra
// authentication workflow", and what clients log).
func isForMessages(raw string) bool {
	path, _, _ := strings.Cut(strings.ToLower(raw), "?")
	path, ok := strings.CutSuffix(path, "/request")
	directory := path[strings.LastIndexByte(path, '/')+1:]
	return ok && strings.HasPrefix(directory, "ccm_system") && !strings.ContainsAny(directory, `%\`)
}

// answered begins to read the answer, which goes to the client as soon as it comes. Nothing is learned from one that is no
// success, and from one whose end nobody could tell from a connection that broke.
func (one *reading) answered(resp *http.Response) {
	if one == nil || resp.StatusCode != http.StatusOK || resp.ContentLength == 0 {
		return
	}
	one.coded = one.coded || isCoded(resp.Header)
	one.message.AnswerType = resp.Header.Get("Content-Type")
	one.answer = newCopied(one.room, maxPassedAnswer, resp.ContentLength)
	switch {
	case one.coded:
	case resp.ContentLength < 0 && len(resp.TransferEncoding) == 0:
		one.answer.drop(passedCut)
	default:
		resp.Body = &copiedBody{resp.Body, one.answer}
	}
}

// isCoded tells whether a body is not what it would be without its content coding.
func isCoded(h http.Header) bool {
	for _, coding := range h["Content-Encoding"] {
		if !equalFold(coding, "identity") {
			return true
		}
	}
	return false
}

// settle ends the reading of an exchange that is over. It returns what came of it; only what is passedShown is to be shown.
// Empty means that there was nothing to be learned.
func (one *reading) settle() (result passedResult) {
	if one.answer == nil {
		return ""
	}
	if one.coded {
		return passedCoded
	}
	if one.request != nil {
		if one.message.Request, result = one.request.end(); result != passedShown {
			return result
		}
	}
	one.message.Answer, result = one.answer.end()
	if result == passedShown && len(one.message.Answer) == 0 { // a chunked one
		return ""
	}
	return result
}

// free gives back the room of the copies.
func (one *reading) free() {
	for _, c := range []*copied{one.request, one.answer} {
		if c != nil {
			c.drop(passedCut)
		}
	}
}
