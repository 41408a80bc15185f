package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
)

func TestIsForMessages(t *testing.T) {
	for target, want := range map[string]bool{
		"/ccm_system/request":                                   true,
		"/CCM_System_WindowsAuth/Request":                       true,
		"/ccm_system_altauth/request?x=/y":                      true,
		"/CCM_Proxy_MutualAuth/72057594/ccm_system/request":     true,
		"/CCM_Proxy_ServerAuth/7/ccm_system_TokenAuth/request?": true,
		"/ccm_system/requests":                                  false,
		"/ccm_system/request/":                                  false,
		"/ccm_system/x/request":                                 false,
		"/ccm_system%2f..%2fmine/request":                       false,
		`/ccm_system\..\mine/request`:                           false,
		"/mine?/ccm_system/request":                             false,
		"/mine/request":                                         false,
		"/ccm_systemrequest":                                    false,
		"request":                                               false,
		"":                                                      false,
		"*":                                                     false,
	} {
		if got := isForMessages(target); got != want {
			t.Errorf("%q: %v", target, got)
		}
	}
}

// TestPassedMessagePrintsNothing: whatever prints or encodes one.
func TestPassedMessagePrintsNothing(t *testing.T) {
	m := PassedMessage{Host: "CANARY", Request: []byte("CANARY"), Answer: []byte("CANARY"), AnswerType: "CANARY"}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb, m, &m)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "m", m, "p", &m)
	text, err := json.Marshal([]any{m, &m})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, bad := range []string{"CANARY", fmt.Sprintf("%x", "CANARY"), "67 65 78", "Q0FOQVJZ"} {
		if strings.Contains(out.String(), bad) {
			t.Errorf("%q is in %s", bad, &out)
		}
	}
	if n := strings.Count(out.String(), redacted); n != 18 {
		t.Errorf("it is redacted %d times: %s", n, &out)
	}
}

// TestCopied compares copies of random bodies, in random pieces, with what they must be, and counts the room that they take.
func TestCopied(t *testing.T) {
	const room = 300 << 10
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var b budget
		b.give(room)
		limit := 1 << r.IntN(18)
		body := bytes.Repeat([]byte{byte(seed)}, r.IntN(2*limit+1))
		length := int64(len(body))
		if r.IntN(2) == 0 {
			length = -1
		}
		broken := r.IntN(4) == 0
		c := newCopied(&b, limit, length)
		in := &copiedBody{io.NopCloser(&pieces{r, body, broken}), c}
		got, err := io.ReadAll(in)
		if !bytes.Equal(got, body) || (err != nil) != broken {
			t.Fatalf("seed %d: %d bytes of %d passed, %v", seed, len(got), len(body), err)
		}
		data, result := c.end()
		want := passedShown
		switch {
		case len(body) > limit:
			want = passedLong
		case broken && (length < 0 || length == 0): // with its whole length it was all there before it broke
			want = passedCut
		}
		if result != want || want == passedShown && !bytes.Equal(data, body) || want != passedShown && data != nil {
			t.Errorf("seed %d: %d of %d bytes, at most %d, broken %v: %s, want %s", seed, len(data), len(body), limit, broken, result, want)
		}
		if held := room - b.left.Load(); held != int64(cap(data)) {
			t.Errorf("seed %d: %d bytes are counted for %d", seed, held, cap(data))
		}
		c.drop(passedCut)
		c.drop(passedCut)
		c.note([]byte("late"), nil)
		if b.left.Load() != room {
			t.Errorf("seed %d: %d bytes of room are left in the end, of %d", seed, b.left.Load(), room)
		}
	}
}

// pieces is a body that comes in random pieces, and may break off in the end.
type pieces struct {
	r      *rand.Rand
	body   []byte
	broken bool
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.body) == 0 {
		if p.broken {
			return 0, errors.New("it broke off")
		}
		return 0, io.EOF
	}
	n := copy(b[:1+p.r.IntN(len(b))], p.body)
	p.body = p.body[n:]
	return n, nil
}

// TestCopiesHaveLimits: together they take no more room than there is, and what has none passes all the same.
func TestCopiesHaveLimits(t *testing.T) {
	var b budget
	b.give(1 << 20)
	var copies []*copied
	shown := 0
	for range 100 {
		c := newCopied(&b, 64<<10, -1)
		copies = append(copies, c)
		for range 64 {
			c.note(make([]byte, 1<<10), nil)
			if b.left.Load() < 0 {
				t.Fatal("there is less than no room")
			}
		}
	}
	for _, c := range copies {
		c.note(nil, io.EOF)
		if _, result := c.end(); result == passedShown {
			shown++
		} else if result != passedBusy {
			t.Errorf("a copy without room is %s", result)
		}
	}
	if shown < 12 || shown > 16 {
		t.Errorf("%d of 64 KiB fit into 1 MiB", shown)
	}
	for _, c := range copies {
		c.drop(passedCut)
	}
	if b.left.Load() != 1<<20 {
		t.Errorf("%d bytes are left", b.left.Load())
	}
}

// TestAnswerBeforeTheRequest: an answer to half a message teaches nothing, and what is sent of it afterwards is not copied.
func TestAnswerBeforeTheRequest(t *testing.T) {
	var b budget
	b.give(1 << 20)
	one := &reading{room: &b, request: newCopied(&b, maxPassedRequest, 8)}
	one.request.note([]byte("half"), nil)
	resp := &http.Response{StatusCode: 200, ContentLength: 2, Body: io.NopCloser(strings.NewReader("ok"))}
	one.answered(resp)
	io.Copy(io.Discard, resp.Body)
	if result := one.settle(); result != passedCut {
		t.Errorf("it is %s", result)
	}
	one.request.note([]byte("late"), io.EOF)
	one.free()
	if b.left.Load() != 1<<20 || one.message.Request != nil {
		t.Errorf("%q is kept, %d bytes of room are left", one.message.Request, b.left.Load())
	}
}

// TestCloseWaitsForTheReader: for the call that it is at, and for no other.
func TestCloseWaitsForTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := &slowReader{make(chan bool), 0}
		s := newReadings(reader, 1<<20, func(string, passedResult) {}, func(any) {})
		for range 3 {
			one := &reading{room: &s.room, target: "/x"}
			one.answered(&http.Response{StatusCode: 200, ContentLength: 2, Body: http.NoBody})
			one.answer.note([]byte("ok"), nil)
			s.take(one)
		}
		s.take(nil)
		synctest.Wait() // until the reader is called
		closed := false
		go func() {
			s.close()
			closed = true
		}()
		synctest.Wait()
		if closed {
			t.Error("it is closed while the reader is called")
		}
		reader.goOn <- true
		synctest.Wait()
		if !closed || reader.calls != 1 {
			t.Errorf("closed: %v after %d calls", closed, reader.calls)
		}
		s.close()
	})
	(*readings)(nil).close()
}

// slowReader waits in each call to be told to go on.
type slowReader struct {
	goOn  chan bool
	calls int
}

func (r *slowReader) Message(PassedMessage) {}
func (r *slowReader) List(_, _ string, body []byte) {
	<-r.goOn
	r.calls++
}
