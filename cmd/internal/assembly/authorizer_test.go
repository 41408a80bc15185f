package assembly

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"branchpoint/cache"
	"branchpoint/proxy/content"
	"branchpoint/proxy/upstream"
	"branchpoint/tokenbroker"
)

// numbered is a token source that gives "t1", "t2" and so on.
type numbered struct{ fetches atomic.Int64 }

func (n *numbered) Name() string { return "numbered" }

func (n *numbered) Token(context.Context, string) (tokenbroker.Token, error) {
	return tokenbroker.NewToken(fmt.Sprint("t", n.fetches.Add(1)), time.Time{})
}

// tokenDP is a DP that answers 403 to a token that has ended, and for a file that nobody may have.
type tokenDP struct {
	*httptest.Server
	good     atomic.Value // the token that it takes, a string
	requests atomic.Int64
}

func newTokenDP(t *testing.T) *tokenDP {
	d := &tokenDP{}
	d.good.Store("t1")
	d.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.requests.Add(1)
		if r.Header.Get("Authorization") != "Bearer "+d.good.Load().(string) || strings.HasSuffix(r.RequestURI, "/secret.cab") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		http.ServeContent(w, r, "", time.Unix(1e9, 0), strings.NewReader("the file"))
	}))
	t.Cleanup(d.Close)
	return d
}

// pooled joins a pool and a broker as the program does.
func (d *tokenDP) pooled(t *testing.T, sources ...tokenbroker.Source) (stat func(file string) error) {
	broker, err := tokenbroker.New(tokenbroker.Config{Sources: sources})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { broker.Close(context.Background()) })
	roots := x509.NewCertPool()
	roots.AddCert(d.Certificate())
	pool, err := upstream.New(upstream.Config{
		Locations: []upstream.Location{{Base: d.URL, Audience: "site"}}, RootCAs: roots, Tokens: authorizer{broker},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return func(file string) error {
		host := strings.TrimPrefix(d.URL, "https://")
		target, ok := content.Parse("https", host, "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015/sccm?/"+file)
		if !ok {
			return errors.New("not content")
		}
		target.ID.Hierarchy = pool.Hierarchy(target)
		_, err := pool.Source(target).Stat(t.Context())
		return err
	}
}

// TestAFileThatNobodyMayHave costs one fetch, and the others nothing.
func TestAFileThatNobodyMayHave(t *testing.T) {
	d, source := newTokenDP(t), &numbered{}
	stat := d.pooled(t, source)
	if err := stat("a.cab"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := stat("secret.cab"); !errors.Is(err, cache.ErrRefused) {
				t.Errorf("the file that nobody may have: %v, want ErrRefused", err)
			}
		})
		wg.Go(func() {
			if err := stat("b.cab"); err != nil {
				t.Errorf("another file: %v", err)
			}
		})
	}
	wg.Wait()
	if n, asked := source.fetches.Load(), d.requests.Load(); n != 2 || asked != 1+20*2+20 {
		t.Errorf("%d fetches and %d requests; want 2 and 61", n, asked)
	}
}

// TestAnEndedTokenAnsweredWith403 is replaced once, in a burst too.
func TestAnEndedTokenAnsweredWith403(t *testing.T) {
	d, source := newTokenDP(t), &numbered{}
	stat := d.pooled(t, source)
	if err := stat("a.cab"); err != nil {
		t.Fatal(err)
	}
	d.good.Store("t2")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := stat("a.cab"); err != nil {
				t.Errorf("after the token had ended: %v", err)
			}
		})
	}
	wg.Wait()
	before := d.requests.Load()
	if err := stat("a.cab"); err != nil || d.requests.Load() != before+1 || source.fetches.Load() != 2 {
		t.Errorf("afterwards: %v after %d requests, %d fetches in all; want one request and 2 fetches",
			err, d.requests.Load()-before, source.fetches.Load())
	}
}
