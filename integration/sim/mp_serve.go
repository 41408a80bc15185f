package sim

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// visit is one request to a management point, with the settings that were in force when it came.
type visit struct {
	m     *ManagementPoint
	w     *recorder
	r     *http.Request
	set   MPSettings
	now   time.Time
	dir   directory
	who   admission
	spoil []*Injected // what becomes of the answer
	entry MPEntry
	noted bool
}

// ServeHTTP answers a request as IIS and the extensions of a management point do.
func (m *ManagementPoint) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.serve(w, r, m.answer) }

func (m *ManagementPoint) answer(w *recorder, r *http.Request) {
	v := &visit{m: m, w: w, r: r, set: m.Settings()}
	v.now = v.set.Now()
	v.entry = MPEntry{Time: v.now.UTC(), Conn: w.entry.Conn}
	h := w.Header()
	h.Set("Server", "Microsoft-IIS/10.0")
	h.Set("Date", v.now.UTC().Format(http.TimeFormat))
	w.answers = v.note
	defer v.note(0) // when nothing was answered

	path := splitPath(r.RequestURI)
	rest := strings.Join(path[min(1, len(path)):], "/")
	switch dir, ok := directoryOf(append(path, "")[0]); {
	case ok && dir.messages:
		v.dir = dir
		v.serveMessages(rest)
	case ok:
		v.dir = dir
		v.serveDocuments(rest)
	case dir.name == "ccm_sts" && m.config.TokenService != nil:
		v.dir = dir
		if !m.sufferEarly(w, r) {
			m.config.TokenService.ServeHTTP(w, r)
		}
	case m.sufferEarly(w, r):
	default:
		w.fail(http.StatusNotFound, 0)
	}
}

// splitPath is the segments of the path of a raw target. Letter case is as it came.
func splitPath(raw string) []string {
	stem, _, _ := strings.Cut(originForm(raw), "?")
	if path, err := url.PathUnescape(stem); err == nil {
		stem = path
	}
	return strings.FieldsFunc(stem, func(c rune) bool { return c == '/' })
}

// note logs and counts the request, once: before the client can have its answer, so that who has it finds it counted.
func (v *visit) note(status int) {
	if v.noted {
		return
	}
	v.noted = true
	v.entry.Directory, v.entry.Status = v.dir.name, status
	v.entry.Account, v.entry.Forwarded = v.who.account, v.who.forwarded
	v.m.Messages.add(v.entry)
	count := MPRequest{Directory: v.dir.name}
	if v.who.admitted { // otherwise it is a step of a login, or nothing that anybody looked into
		count = MPRequest{v.dir.name, v.entry.Endpoint, v.entry.Request, v.entry.Machine, v.entry.Refused != ""}
	}
	v.m.Tally.requests.add(count)
}

// serveMessages answers in a directory for messages: CCM_POST to it, or to "request" in it.
func (v *visit) serveMessages(rest string) {
	raw, err := io.ReadAll(http.MaxBytesReader(v.w, v.r.Body, maxMessage))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		v.w.fail(http.StatusRequestEntityTooLarge, 0)
		return
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	msg, problem := readMessage(v.r.Header.Get("Content-Type"), raw)
	if problem == nil {
		v.entry.Endpoint, v.entry.Request, v.entry.Machine = msg.endpoint(), msg.body.name, strings.ToUpper(msg.host())
		v.entry.Stated, v.entry.Length = msg.stated, msg.length
		defer v.m.Tally.under.enter(MPRequest{Directory: v.dir.name, Endpoint: v.entry.Endpoint, Request: v.entry.Request, Machine: v.entry.Machine})()
	}
	if v.suffer(v.entry.Endpoint, v.entry.Request) || !v.admit() {
		return
	}
	switch isMessage := v.r.Method == "CCM_POST"; {
	case rest != "" && !strings.EqualFold(rest, "request"):
		v.w.fail(http.StatusNotFound, 0)
	case !isMessage && rest == "":
		v.w.fail(http.StatusForbidden, 14) // a directory (SCCMSecrets, README)
	case !isMessage:
		v.w.Header().Set("Allow", "CCM_POST")
		v.w.fail(http.StatusMethodNotAllowed, 0)
	case problem != nil:
		v.refuse(problem)
	default:
		v.converse(msg)
	}
}

// converse answers a message that was understood.
func (v *visit) converse(msg *message) {
	answer, err := v.dispatch(msg)
	if err != nil {
		v.refuse(err)
		return
	}
	v.spoilReply(&answer)
	kind, framed, err := v.set.Reply.frame(answer, msg)
	if err != nil {
		v.entry.Refused = err.Error()
		v.w.fail(http.StatusInternalServerError, 0)
		return
	}
	v.send(kind, framed)
}

// refuse is the silent no: 200, and nothing in it.
func (v *visit) refuse(why error) {
	v.entry.Refused = why.Error()
	v.w.Header().Set("Content-Length", "0")
	v.w.WriteHeader(http.StatusOK)
}

// send sends a whole body, which the faults of bodies may strike.
func (v *visit) send(contentType string, content []byte) {
	v.w.Header().Set("Content-Type", contentType)
	v.m.sendBytes(v.w, v.r, "message", content, v.entry.Endpoint, v.entry.Request)
}
