package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"branchpoint/proxy"
)

// witness is a Reader that keeps copies of what it is shown, in order.
type witness struct {
	shown chan witnessed
	stall chan bool // nil, or what each call waits for
	panic bool
}

// witnessed is a message, or a list when it has a target.
type witnessed struct {
	proxy.PassedMessage
	target string
}

func newWitness() *witness { return &witness{shown: make(chan witnessed, 2000)} }

// Message implements proxy.Reader.
func (w *witness) Message(m proxy.PassedMessage) {
	m.Request, m.Answer = slices.Clone(m.Request), slices.Clone(m.Answer)
	w.see(witnessed{PassedMessage: m})
}

// List implements proxy.Reader.
func (w *witness) List(host, target string, body []byte) {
	w.see(witnessed{proxy.PassedMessage{Host: host, Answer: slices.Clone(body)}, target})
}

func (w *witness) see(one witnessed) {
	if w.stall != nil {
		<-w.stall
	}
	w.shown <- one
	if w.panic {
		panic(string(one.Answer))
	}
}

// next waits for what is shown next.
func (w *witness) next(t testing.TB) witnessed {
	t.Helper()
	select {
	case one := <-w.shown:
		return one
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is shown")
		panic("unreachable")
	}
}

const (
	messageType = `multipart/mixed; boundary="aAbBcCdDv1234567890VxXyYzZ"`
	request     = "CCM_POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: " + messageType + "\r\nContent-Length: %d\r\n\r\n%s"
	cloudList   = "/downloadrestservice.svc/getcontentxmlsecure?pid=PS100015&cid=PS100015&sig=a%2Fb"
)

// parts are an answer of three parts, each of which a server may send by itself.
func parts() []string {
	begin := "--aAbBcCdDv1234567890VxXyYzZ\r\ncontent-type: "
	return []string{
		begin + "text/plain; charset=UTF-16\r\n\r\n\xff\xfe<\x00M\x00/\x00>\x00\r\n",
		begin + "application/octet-stream\r\n\r\n" + string(bytesOf(5, 100<<10)) + "\r\n",
		begin + "application/octet-stream\r\n\r\n\x78\x9c\x00\x00\r\n--aAbBcCdDv1234567890VxXyYzZ--",
	}
}

// siteServer is a management point and a gateway: it keeps what it was asked, and answers with the parts.
type siteServer struct {
	mu    sync.Mutex
	asked []string
	parts []string
	seen  chan bool // nil, or what is waited for between two parts
}

func (m *siteServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	m.mu.Lock()
	m.asked = append(m.asked, fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, body))
	m.mu.Unlock()
	w.Header().Set("Content-Type", messageType)
	for i, part := range m.parts {
		if i > 0 && m.seen != nil {
			<-m.seen
		}
		io.WriteString(w, part)
		http.NewResponseController(w).Flush()
	}
}

// wantAsked checks what the server saw.
func (m *siteServer) wantAsked(t testing.TB, want ...string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(m.asked, want) {
		t.Errorf("the site was asked %q, want %q", m.asked, want)
	}
}
