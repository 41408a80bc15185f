package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/cache"
)

// cloudNet is a network with the storage of a blob, "own", which breaks off after 400 bytes and is away then, and with two
// others, "one" and "two", that answer as they are told.
func cloudNet(t *testing.T, data []byte, one, two http.HandlerFunc) (*memoryNet, Config, *cloud) {
	n := newMemoryNet(nil)
	n.hosts["own:80"] = &memoryHost{handler: serveFile(data, 400, func(*http.Request) {
		n.set("own", true)
		panic(http.ErrAbortHandler)
	})}
	roots := n.secure(t, map[string]http.HandlerFunc{"one": one, "two": two})
	site := &cloud{urls: []string{"https://one/content-7/a?sv=1&sig=1", "https://two/content-7/a?sv=1&sig=2"}}
	return n, Config{Dial: n.dial, RootCAs: roots, Elsewhere: site, GiveUpAfter: 2 * time.Minute}, site
}

// TestTheListedStoragesAreRetried, when none lets us in, until the original one answers again: the download then finishes. When it
// does not in time, the download fails.
func TestTheListedStoragesAreRetried(t *testing.T) {
	for _, tt := range []struct {
		name string
		away time.Duration
		err  error  // of the site
		back string // who answers again
		got  int
	}{
		{"the original is back in time", 90 * time.Second, nil, "own", 1000},
		{"the original is back in time, and the site never helps", 90 * time.Second, errors.New("it does not know us"), "own", 1000},
		{"another one lets us in in time", 90 * time.Second, nil, "two", 1000},
		{"nobody does in time", 3 * time.Minute, nil, "own", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				data := randomBytes(90, 1000)
				began := time.Now()
				two := func(w http.ResponseWriter, r *http.Request) {
					if tt.back == "own" || time.Since(began) < tt.away {
						w.WriteHeader(http.StatusForbidden)
						return
					}
					serveFile(data, 1000, nil)(w, r)
				}
				n, cfg, site := cloudNet(t, data, statusOf(403), two)
				if site.err = tt.err; tt.err != nil {
					site.urls = nil
				}
				p := testPool(t, cfg)
				if tt.back == "own" {
					time.AfterFunc(tt.away, func() {
						n.serve("own", serveFile(data, 1000, nil))
						n.set("own", false)
					})
				}
				got, _, err := readAll(t, p.Source(blobAt(t, p, "http://own", "a")), nil, 0, 1000)
				if len(got) != tt.got || string(got) != string(data[:len(got)]) {
					t.Fatalf("%d bytes, want %d of the file: %v", len(got), tt.got, err)
				}
				took := time.Since(began)
				if tt.got < 1000 {
					if !errors.Is(err, cache.ErrUnreachable) || errors.Is(err, cache.ErrRefused) || took > cfg.GiveUpAfter {
						t.Errorf("%v after %v, want ErrUnreachable within %v", err, took, cfg.GiveUpAfter)
					}
				} else if err != nil || took > tt.away+2*maxPause {
					t.Errorf("%v after %v", err, took)
				}
				rounds := len(site.taken())
				if tt.err == nil && (n.dials("own") < 5 || rounds < 5) {
					t.Errorf("%d rounds, in which the original was asked %d times", rounds, n.dials("own"))
				}
				if rounds > 40 {
					t.Errorf("%d rounds: the pauses do not grow", rounds)
				}
			})
		})
	}
}

// TestADeadStorageCostsNoWaitForEachPart: the others are asked first while it is known to be away, and it is found out when it is
// back.
func TestADeadStorageCostsNoWaitForEachPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(91, 1000)
		n, cfg, _ := cloudNet(t, data, statusOf(403), serveFile(data, 1000, nil))
		cfg.ConnectTimeout, cfg.HeaderTimeout, cfg.CoolDown = 5*time.Second, 15*time.Second, 10*time.Minute
		gone := true
		cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if strings.HasPrefix(addr, "own") && gone {
				<-ctx.Done() // no answer at all
				return nil, ctx.Err()
			}
			return n.dial(ctx, network, addr)
		}
		p := testPool(t, cfg)
		s := p.Source(blobAt(t, p, "http://own", "a"))
		began := time.Now()
		mustRead(t, s, undated(data), 100, 100, data)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("the first part took %v, want 5s", took)
		}
		began = time.Now()
		for off := int64(200); off < 1000; off += 100 {
			mustRead(t, s, undated(data), off, 100, data)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("eight more parts took %v", took)
		}
		gone = false
		pass(10 * time.Minute)
		mustRead(t, s, undated(data), 0, 100, data)
		if n.dials("own") != 1 {
			t.Error("the storage is back, and not asked again")
		}
	})
}

// TestStoragesTakeTurns: whatever the storages do in turn, the reader gets each byte once, in order.
func TestStoragesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := randomBytes(92, 50_000)
		abort := func(*http.Request) { panic(http.ErrAbortHandler) }
		n, cfg, _ := cloudNet(t, data, serveFile(data, 7_777, abort), serveFile(data, 3_333, abort))
		n.serve("own", serveFile(data, 5_555, abort))
		cfg.GiveUpAfter = time.Hour
		p := testPool(t, cfg)
		s := p.Source(blobAt(t, p, "http://own", "a"))
		for off := int64(0); off < 50_000; off += 12_500 {
			mustRead(t, s, undated(data), off, 12_500, data)
		}
		if a, b, c := n.dials("own"), n.dials("one"), n.dials("two"); a == 0 || b == 0 || c == 0 {
			t.Errorf("the storages were asked %d, %d and %d times", a, b, c)
		}
	})
}

// undated is what a server tells that dates nothing.
func undated(data []byte) *cache.Info { return &cache.Info{Size: int64(len(data))} }
