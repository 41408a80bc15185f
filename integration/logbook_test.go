package integration

import (
	"bufio"
	"bytes"
	"io"
	"sync"
)

// logBook keeps what the program says.
type logBook struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *logBook) read(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		l.mu.Lock()
		l.all.WriteString(s.Text() + "\n")
		l.mu.Unlock()
	}
}

// Write implements io.Writer for a program that runs within the test.
func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}
