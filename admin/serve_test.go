package admin

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func TestServe(t *testing.T) {
	server := newStage(t).server(t)
	ln := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, ln, time.Second) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + ln.Addr().String() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || string(body) != "ok\n" {
		t.Errorf("the answer is %q, %v", body, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

func TestServeTellsWhenItEndsByItself(t *testing.T) {
	ln := listen(t)
	ln.Close()
	if err := newStage(t).server(t).Serve(t.Context(), ln, time.Second); err == nil {
		t.Error("it did not say so")
	}
}

// outside is a listener that other machines seem to reach.
type outside struct{ net.Listener }

func (outside) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 8081} }

func TestServeRefusesToTrustTheNetwork(t *testing.T) {
	ln := listen(t)
	err := newStage(t).server(t).Serve(t.Context(), outside{ln}, time.Second)
	if err == nil || !strings.Contains(err.Error(), "10.1.2.3") {
		t.Errorf("the error is %v", err)
	}
	if _, err := ln.Accept(); err == nil {
		t.Error("the listener is still open")
	}
}
