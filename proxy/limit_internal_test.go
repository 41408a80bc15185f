package proxy

import (
	"net"
	"testing"
	"testing/synctest"
)

// arrivals is a listener whose clients come when the test says so.
type arrivals chan net.Conn

func (a arrivals) Accept() (net.Conn, error) {
	conn, ok := <-a
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}
func (a arrivals) Close() error   { close(a); return nil }
func (a arrivals) Addr() net.Addr { return &net.TCPAddr{} }

// TestFull: clients may be waiting when all connections are open, and not before. The slot with which Accept waits for the
// next client is nobody's.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const connections = 3
		queue := make(arrivals)
		l := limit(queue, connections)
		accepted := make(chan net.Conn, connections)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				accepted <- conn
			}
		}()
		arrive := func() {
			client, server := net.Pipe()
			t.Cleanup(func() { client.Close() })
			queue <- server
		}
		for n := range connections {
			synctest.Wait()
			if l.full() {
				t.Errorf("full with %d of %d connections", n, connections)
			}
			arrive()
		}
		synctest.Wait()
		if !l.full() {
			t.Errorf("not full with %d connections", connections)
		}
		(<-accepted).Close()
		synctest.Wait()
		if l.full() {
			t.Error("full after one has left")
		}
		arrive()
		synctest.Wait()
		if !l.full() {
			t.Error("not full when another has come")
		}
		l.Close()
	})
}
