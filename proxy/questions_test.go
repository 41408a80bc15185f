package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy"
	"branchpoint/proxy/content"
	"branchpoint/proxy/upstream"
)

// oracle is origins whose word on clients is the test's own. It takes ten seconds to say it.
type oracle struct {
	proxy.Origins

	mu     sync.Mutex
	asked  int
	left   int // how many questions ended because nobody wanted to know any more
	answer func(content.Target) (int, error)
}

const thinking = 10 * time.Second

func (o *oracle) Source(content.Target) cache.Source { return pattern(1000) }

func (o *oracle) Ask(ctx context.Context, t content.Target) (int, error) {
	o.mu.Lock()
	o.asked++
	answer := o.answer
	o.mu.Unlock()
	select {
	case <-time.After(thinking):
		return answer(t)
	case <-ctx.Done():
		o.mu.Lock()
		defer o.mu.Unlock()
		o.left++
		return 0, ctx.Err()
	}
}

func (o *oracle) says(status int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = func(content.Target) (int, error) { return status, err }
}

// counts returns how many questions there were, and how many of them were given up.
func (o *oracle) counts() (asked, left int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked, o.left
}

// withOracle runs a test in a bubble of time, with a listener that asks the oracle. ask is one client with one request; it
// returns the status, zero when the client gave up after patience.
func withOracle(t *testing.T, c proxy.Config, test func(t *testing.T, o *oracle, ask func(file string, patience time.Duration) int)) {
	synctest.Test(t, func(t *testing.T) {
		in, out := newPipes(), newPipes()
		dp := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })}
		go dp.Serve(out)
		t.Cleanup(func() { dp.Close() })
		o := &oracle{}
		c.Dial = out.dial
		newSite(t, options{listen: in, config: c, listener: proxy.Listener{Entitlement: proxy.Origin},
			origins: func(p *upstream.Pool) proxy.Origins { o.Origins = p; return o }})
		test(t, o, func(file string, patience time.Duration) int {
			conn, err := in.dial(t.Context(), "", "")
			if err != nil {
				t.Error(err)
				return 0
			}
			defer conn.Close()
			defer time.AfterFunc(patience, func() { conn.Close() }).Stop()
			fmt.Fprintf(conn, "GET %s%s HTTP/1.1\r\nHost: x\r\n\r\n", versioned, file)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				return 0
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); resp.StatusCode == 200 && (len(body) != 1000 || err != nil) {
				t.Errorf("%d bytes, %v", len(body), err)
			}
			return resp.StatusCode
		})
	})
}

// TestVerdictAges: an admission is renewed when it is old. While nobody answers it goes on, and costs one wait a minute and
// not one a request; a refusal ends it, and so does the grace.
func TestVerdictAges(t *testing.T) {
	config := proxy.Config{VerdictAge: 5 * time.Minute, Grace: time.Hour}
	withOracle(t, config, func(t *testing.T, o *oracle, ask func(string, time.Duration) int) {
		for _, tt := range []struct {
			name   string
			after  time.Duration
			status int // of the DP, 0: none
			want   int
			waits  bool
		}{
			{"a new client", 0, 200, 200, true},
			{"again", time.Minute, 403, 200, false},
			{"an old admission is renewed", 5 * time.Minute, 200, 200, true},
			{"the DP is away, and nobody needs it", time.Minute, 0, 200, false},
			{"an old admission, and the DP is away", 5 * time.Minute, 0, 200, true},
			{"at once again", 0, 0, 200, false},
			{"within the minute", 59 * time.Second, 0, 200, false},
			{"after it", time.Second, 0, 200, true},
			{"the DP is back, and not asked yet", 10 * time.Second, 403, 200, false},
			{"it refuses", time.Minute, 403, 403, true},
			{"it is away again: nothing is left of the admission", 0, 0, 502, true},
			{"and it stays so", 0, 0, 502, true},
			{"admitted once more", 0, 200, 200, true},
			{"just within the grace", time.Hour - thinking - 10*time.Second, 0, 200, true},
			{"the grace is over, though the minute is not", 10 * time.Second, 0, 502, true},
		} {
			<-time.After(tt.after)
			o.says(tt.status, nil)
			if tt.status == 0 {
				o.says(0, cache.ErrUnreachable)
			}
			began := time.Now()
			if got := ask("a", time.Hour); got != tt.want {
				t.Errorf("%s: status %d, want %d", tt.name, got, tt.want)
			}
			if waited := time.Since(began) >= thinking; waited != tt.waits {
				t.Errorf("%s: it took %v", tt.name, time.Since(began))
			}
		}
	})
}

// TestOneQuestion: who asks the same at the same time is told the same, and a client that leaves takes nothing from others.
func TestOneQuestion(t *testing.T) {
	for _, tt := range []struct {
		name     string
		patience []time.Duration // of the clients, who come a second after one another
		status   int
		asked    int
		left     int
	}{
		{"all stay", []time.Duration{time.Hour, time.Hour, time.Hour, time.Hour}, 200, 1, 0},
		{"the first leaves", []time.Duration{2 * time.Second, time.Hour, time.Hour}, 200, 1, 0},
		{"the last leaves", []time.Duration{time.Hour, time.Hour, time.Second}, 200, 1, 0},
		{"all leave", []time.Duration{3 * time.Second, 3 * time.Second, 3 * time.Second}, 200, 1, 1},
		{"all leave before the next comes", []time.Duration{time.Second / 2, time.Hour}, 200, 2, 1},
		{"all are refused", []time.Duration{time.Hour, time.Hour, time.Hour}, 403, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withOracle(t, proxy.Config{}, func(t *testing.T, o *oracle, ask func(string, time.Duration) int) {
				o.says(tt.status, nil)
				var clients sync.WaitGroup
				for i, patience := range tt.patience {
					clients.Go(func() {
						want := tt.status
						if patience < thinking {
							want = 0
						}
						if got := ask("a", patience); got != want {
							t.Errorf("client %d: status %d, want %d", i, got, want)
						}
					})
					<-time.After(time.Second)
				}
				clients.Wait()
				synctest.Wait()
				if asked, left := o.counts(); asked != tt.asked || left != tt.left {
					t.Errorf("%d questions, %d of them given up; want %d and %d", asked, left, tt.asked, tt.left)
				}
			})
		})
	}
}

// TestRefusalOfAnotherFile: a file that is missing says nothing of its neighbour.
func TestRefusalOfAnotherFile(t *testing.T) {
	withOracle(t, proxy.Config{}, func(t *testing.T, o *oracle, ask func(string, time.Duration) int) {
		o.answer = func(t content.Target) (int, error) {
			if strings.HasSuffix(t.Raw, "missing") {
				return 404, nil
			}
			return 200, nil
		}
		var clients sync.WaitGroup
		clients.Go(func() {
			if got := ask("missing", time.Hour); got != 403 {
				t.Errorf("status %d, want the DP's own", got)
			}
		})
		<-time.After(time.Second)
		if got := ask("a", time.Hour); got != 200 {
			t.Errorf("the neighbour: status %d", got)
		}
		clients.Wait()
		if asked, _ := o.counts(); asked != 2 {
			t.Errorf("%d questions, want 2", asked)
		}
	})
}

// TestPanicInAQuestion: a bug costs a request, not the process.
func TestPanicInAQuestion(t *testing.T) {
	withOracle(t, proxy.Config{}, func(t *testing.T, o *oracle, ask func(string, time.Duration) int) {
		o.answer = func(content.Target) (int, error) { panic("a bug") }
		if got := ask("a", time.Hour); got != http.StatusBadGateway {
			t.Errorf("status %d, want 502", got)
		}
		o.says(200, nil)
		if got := ask("a", time.Hour); got != 200 {
			t.Errorf("the next: status %d", got)
		}
	})
}
