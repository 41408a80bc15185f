package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"testing"
)

func newBuffers() *sync.Pool {
	return &sync.Pool{New: func() any { return new([serverBuffer]byte) }}
}

// brittle takes so many bytes and then fails.
type brittle struct {
	net.Conn
	room int
	got  bytes.Buffer
}

var errBroken = errors.New("broken")

func (c *brittle) Write(p []byte) (int, error) {
	n := min(len(p), c.room)
	c.room -= n
	c.got.Write(p[:n])
	if n < len(p) {
		return n, errBroken
	}
	return n, nil
}

func TestGatherWrite(t *testing.T) {
	full, tail := bytes.Repeat([]byte("h"), serverBuffer), []byte("tail")
	for _, c := range []struct {
		name   string
		ask    bool
		room   int
		writes [][]byte
		early  int // bytes that are out after the first write
		n      int // what the last write returns
		err    error
	}{
		{"not asked for", false, 1 << 20, [][]byte{full, tail}, serverBuffer, 4, nil},
		{"a full buffer waits", true, 1 << 20, [][]byte{full, tail}, 0, 4, nil},
		{"less than a full one does not", true, 1 << 20, [][]byte{tail, full}, 4, serverBuffer, nil},
		{"only the first one waits", true, 1 << 20, [][]byte{full, full, full}, 0, serverBuffer, nil},
		{"breaks in what waited", true, 7, [][]byte{full, tail}, 0, 0, errBroken},
		{"breaks after what waited", true, serverBuffer + 1, [][]byte{full, tail}, 0, 1, errBroken},
	} {
		t.Run(c.name, func(t *testing.T) {
			below := &brittle{room: c.room}
			g := &gatherer{Conn: below, buffers: newBuffers()}
			if c.ask {
				g.gather()
			}
			n, err := 0, error(nil)
			for i, p := range c.writes {
				n, err = g.Write(bytes.Clone(p))
				if i == 0 && below.got.Len() != c.early {
					t.Errorf("%d bytes are out after the first write, want %d", below.got.Len(), c.early)
				}
			}
			if n != c.n || !errors.Is(err, c.err) {
				t.Errorf("the last write returned %d, %v, want %d, %v", n, err, c.n, c.err)
			}
			want := bytes.Join(c.writes, nil)
			if want = want[:min(len(want), c.room)]; !bytes.Equal(below.got.Bytes(), want) {
				t.Errorf("%d bytes came out, want %d in their order", below.got.Len(), len(want))
			}
		})
	}
}

// TestGatherServer lets net/http itself write: no answer may stay behind, whatever its size.
func TestGatherServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var pins pins
	server := &http.Server{ConnContext: pins.begin, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Header().Set("Content-Length", strconv.Itoa(n))
		connOf(r).gather()
		_, _ = w.Write(bytes.Repeat([]byte("x"), n))
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(limit(ln, 4)) })
	defer serving.Wait()
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, n := range []int{serverBuffer, serverBuffer + 1, 2*serverBuffer - 200, 2 * serverBuffer, 64 << 10, serverBuffer} {
		resp, err := client.Get("http://" + ln.Addr().String() + "/?n=" + strconv.Itoa(n))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !bytes.Equal(got, bytes.Repeat([]byte("x"), n)) {
			t.Errorf("%d bytes came, %v, want %d", len(got), err, n)
		}
	}
}
