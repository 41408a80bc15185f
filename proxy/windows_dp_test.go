package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// windowsDP is a DP that knows connections, not requests, as NTLM has it: three legs on one connection, and from then on
// the connection is that client's. It notes each identity that a connection ever serves.
type windowsDP struct {
	*fakeDP
	closed chan *windowsConn // what has ended

	mu      sync.Mutex
	conns   map[net.Conn]*windowsConn
	closeAt string // the leg whose answer ends the connection
	refused int    // requests on connections of nobody
}

type windowsConn struct {
	challenge, user string
	users           map[string]bool
}

type windowsKey struct{}

func startWindowsDP(s *site, name string) *windowsDP {
	d, server := newWindowsDP()
	s.startServer(name, server)
	return d
}

func newWindowsDP() (*windowsDP, *http.Server) {
	d := &windowsDP{fakeDP: newDP(5000), conns: map[net.Conn]*windowsConn{}, closed: make(chan *windowsConn, 1000), closeAt: "never"}
	return d, &http.Server{Handler: d,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.conns[c] = &windowsConn{users: map[string]bool{}}
			return context.WithValue(ctx, windowsKey{}, d.conns[c])
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if state == http.StateClosed {
				d.closed <- d.conns[c]
			}
		}}
}

func (d *windowsDP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := r.Context().Value(windowsKey{}).(*windowsConn)
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	leg, user, _ := strings.Cut(value, ":")
	if d.closeAt == leg {
		w.Header().Set("Connection", "close")
	}
	switch {
	case scheme == "Negotiate":
		c.user = value
		w.Header().Set("WWW-Authenticate", "Negotiate proof")
	case leg == "type1":
		c.challenge, c.user = "for "+user, ""
		refuse(w, "NTLM type2:"+user)
		return
	case leg == "type3" && c.challenge == "for "+user:
		c.challenge, c.user = "", user
	case leg != "" || c.user == "":
		c.user = ""
		d.refused++
		refuse(w, "Negotiate", "NTLM")
		return
	}
	c.users[c.user] = true
	w.Header().Set("X-User", c.user)
	d.file(w, r)
}

func refuse(w http.ResponseWriter, challenges ...string) {
	w.Header()["Www-Authenticate"] = challenges
	w.WriteHeader(http.StatusUnauthorized)
	io.WriteString(w, "no")
}

// as sends a request on a raw connection, with an Authorization that may be empty.
func (c *raw) as(authorization, target string) answer {
	if authorization != "" {
		authorization = "Authorization: " + authorization + "\r\n"
	}
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, authorization)
	return c.answer("GET")
}

// login is the whole handshake on one connection of a proxy's client. It returns what went wrong.
func (c *raw) login(user, target string) error {
	return legs("Session-Based-Authentication", user, func(authorization string) answer { return c.as(authorization, target) })
}

// patiently logs in. On a machine that is overloaded a connection may lose its own upstream in the middle (see pinned.go), and a
// client then begins again.
func patiently(login func() error) (err error) {
	for range 5 {
		if err = login(); err == nil {
			return nil
		}
	}
	return err
}

// asLoggedIn sends a request on a connection that has logged in, and logs in again when its upstream was lost.
func asLoggedIn(ask func(authorization string) answer, login func() error) answer {
	got := ask("")
	for again := 0; again < 5 && got.StatusCode == http.StatusUnauthorized; again++ {
		if patiently(login) == nil {
			got = ask("")
		}
	}
	return got
}

// legs are a handshake on the connection that ask uses.
func legs(support, user string, ask func(authorization string) answer) error {
	for _, leg := range []struct {
		authorization string
		status        int
		header, value string
	}{
		{"", 401, "Proxy-Support", support},
		{"NTLM type1:" + user, 401, "Www-Authenticate", "NTLM type2:" + user},
		{"NTLM type3:" + user, 200, "X-User", user},
	} {
		got := ask(leg.authorization)
		if got.err != nil || got.StatusCode != leg.status || got.Header.Get(leg.header) != leg.value {
			return fmt.Errorf("%q: status %d, %v, %v", leg.authorization, got.StatusCode, got.Header, got.err)
		}
	}
	return nil
}
