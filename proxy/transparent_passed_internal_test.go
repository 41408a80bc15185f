package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
)

// TestPassedOn: what is not for us reaches the server byte for byte, and its answer the client.
func TestPassedOn(t *testing.T) {
	for _, tt := range []struct{ name, said string }{
		{"another host", "GET /SMS_DP_SMSPKG$/PS100015.1/a.cab HTTP/1.1\r\nhost:  evil\r\n\r\n"},
		{"another port", "GET / HTTP/1.1\r\nHost: dp1:8080\r\n\r\n"},
		{"an impossible port", "GET / HTTP/1.1\r\nHost: dp1:x\r\n\r\n"},
		{"a user in the name", "GET / HTTP/1.1\r\nHost: evil@a.site\r\n\r\n"},
		{"a path in the name", "GET / HTTP/1.1\r\nHost: evil/a.site\r\n\r\n"},
		{"the suffix alone", "GET / HTTP/1.1\r\nHost: .site\r\n\r\n"},
		{"a proxy's request", "GET http://dp1/ HTTP/1.1\r\nHost: dp1\r\n\r\n"},
		{"a tunnel", "CONNECT dp1:443 HTTP/1.1\r\nHost: dp1:443\r\n\r\n"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		{"TLS without a name", string(clientHello(&tls.Config{InsecureSkipVerify: true}))},
		{"TLS with another name", string(clientHello(&tls.Config{ServerName: "evil"}))},
		{"junk", "\x00\xff\n\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRedirect(t, wasMeant)
			client := r.client()
			r.say(client, tt.said)
			server := r.accept()
			r.hear(server, tt.said)
			r.say(server, "\x00answer\r\n")
			r.hear(client, "\x00answer\r\n")
			r.must(client.CloseWrite())
			if _, err := server.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("the server sees %v, want the client's end", err)
			}
			r.say(server, "later")
			r.must(server.Close())
			if rest, err := io.ReadAll(client); string(rest) != "later" || err != nil {
				t.Errorf("got %q, %v after its own end", rest, err)
			}
		})
	}
}

// TestPassedOnAtLength: much at once in both directions.
func TestPassedOnAtLength(t *testing.T) {
	r := newRedirect(t, wasMeant)
	client := r.client()
	up, down := bytes.Repeat([]byte("up and "), 1<<19), bytes.Repeat([]byte("down, "), 1<<19)
	up[0] = 0 // no HTTP
	var work sync.WaitGroup
	both := func(conn *net.TCPConn, say, want []byte) {
		work.Go(func() {
			if _, err := conn.Write(say); err != nil {
				t.Error(err)
			}
			conn.CloseWrite()
		})
		work.Go(func() {
			if got, err := io.ReadAll(conn); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes came (%v), want %d", len(got), err, len(want))
			}
		})
	}
	both(client, up, down)
	both(r.accept(), down, up)
	work.Wait()
	r.stop()
	r.p.Close()
	if want := fmt.Sprintf("sent=%d received=%d", len(up), len(down)); !strings.Contains(r.log.String(), want) {
		t.Errorf("the log does not say %s:\n%s", want, &r.log)
	}
}

// TestPassedOnWithoutAWord: a client that only ends its side reaches the server all the same.
func TestPassedOnWithoutAWord(t *testing.T) {
	for _, said := range []string{"", "GET / HT"} {
		r := newRedirect(t, wasMeant)
		client := r.client()
		r.say(client, said)
		r.must(client.CloseWrite())
		server := r.accept()
		if got, err := io.ReadAll(server); string(got) != said || err != nil {
			t.Errorf("the server got %q, %v, want %q", got, err, said)
		}
		r.say(server, "bye")
		r.must(server.Close())
		r.hear(client, "bye")
	}
}

// TestNobodyThere: the client of a closed port is not left in the belief that somebody has answered.
func TestNobodyThere(t *testing.T) {
	r := newRedirect(t, wasMeant)
	r.server.Close()
	client := r.client()
	r.say(client, "\x00")
	if n, err := client.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("got %d bytes, %v, want a reset", n, err)
	}
}

// TestBrokenOff: when one side breaks off the other does not go on.
func TestBrokenOff(t *testing.T) {
	r := newRedirect(t, wasMeant)
	client := r.client()
	r.say(client, "\x00")
	server := r.accept()
	r.hear(server, "\x00")
	r.must(client.SetLinger(0))
	r.must(client.Close())
	if _, err := server.Read(make([]byte, 1)); err == nil {
		t.Error("the server's connection goes on")
	}
}

// TestRedirectedAtTheEnd: the listener waits neither for clients that say nothing nor for what is passed on, which ends with
// the proxy.
func TestRedirectedAtTheEnd(t *testing.T) {
	r := newRedirect(t, wasMeant)
	silent, client := r.client(), r.client()
	r.say(client, "\x00")
	server := r.accept()
	r.hear(server, "\x00")
	r.stop()
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("a silent connection outlives the listener")
	}
	r.say(client, "more")
	r.hear(server, "more")
	r.p.Close()
	for name, conn := range map[string]net.Conn{"client": client, "server": server} {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("the connection of the %s outlives the proxy", name)
		}
	}
}

// TestSilence: when the client says nothing, or not enough, the server gets its turn after a while; and when nobody says
// anything for long, both connections end.
func TestSilence(t *testing.T) {
	for _, said := range []string{"", "GET / HTTP/1.1\r\nHo", "\x16\x03"} {
		synctest.Test(t, func(t *testing.T) {
			store, err := cache.New(cache.Config{Directory: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			near, far := net.Pipe()
			p, err := New(Config{Cache: store, Origins: smallFile{}, TunnelIdle: time.Minute,
				Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			d := newDoor(p, Listener{Name: "l", Entitlement: Origin, Transparent: true})
			d.original = wasMeant
			client, conn := net.Pipe()
			begin := time.Now()
			d.hits.attend(conn, func(c *traveller) { d.redirected(t.Context(), c) })
			io.WriteString(client, said)
			go io.WriteString(far, "SSH-2.0-server\r\n")
			line, err := bufio.NewReader(client).ReadString('\n')
			if took := time.Since(begin); line != "SSH-2.0-server\r\n" || err != nil || took != headerTimeout {
				t.Errorf("%q: the client heard %q, %v after %v", said, line, err, took)
			}
			heard := make([]byte, len(said))
			if _, err := io.ReadFull(far, heard); err != nil || string(heard) != said {
				t.Errorf("%q: the server heard %q, %v", said, heard, err)
			}
			for _, end := range []net.Conn{client, far} {
				if _, err := end.Read(make([]byte, 1)); err != io.EOF || time.Since(begin) != headerTimeout+time.Minute {
					t.Errorf("%q: ended with %v after %v", said, err, time.Since(begin))
				}
			}
		})
	}
}
