package site

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// listOf is a list of files below a URL, each 10 bytes long, with a signature.
func listOf(below string, paths ...string) string {
	var b strings.Builder
	b.WriteString("<M>")
	for _, p := range paths {
		fmt.Fprintf(&b, `<File Path="%s" Size="10" Url="%s?sig=%s"/>`, p, below+p, canary)
	}
	return b.String() + "</M>"
}

// clouds are cloud distribution points without a network, which synctest needs.
type clouds struct {
	mu    sync.Mutex
	asked map[string]int // by host
	// serve answers a request that shows a token. An error is a broken line.
	serve func(ctx context.Context, host, token, query string) (status int, body string, err error)
}

func (c *clouds) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	if c.asked == nil {
		c.asked = map[string]int{}
	}
	c.asked[r.URL.Host]++
	c.mu.Unlock()
	status, body, err := c.serve(r.Context(), r.URL.Host, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(bytes.NewReader([]byte(body))), Header: http.Header{}}, nil
}

func (c *clouds) count(host string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[host]
}

func manifests(t testing.TB, transport http.RoundTripper) *ccm.Manifests {
	t.Helper()
	if transport == nil {
		transport = &clouds{}
	}
	m, err := ccm.NewManifests(ccm.ManifestsConfig{Transport: transport})
	must(t, err)
	return m
}

// onClouds locates every content on those cloud distribution points, with a token "t-<host>-<n>" of the n-th answer and the
// query "q=<n>".
func onClouds(t *testing.T, hosts ...string) func(context.Context, ccm.Content) (ccm.Locations, error) {
	n := 0
	return func(_ context.Context, c ccm.Content) (found ccm.Locations, err error) {
		n++
		for _, h := range hosts {
			l := inCloudAt(t, h, fmt.Sprintf("cid=%s&q=%d", c.ID, n))
			l.Token = tokenOf(t, fmt.Sprintf("t-%s-%d", h, n), time.Hour)
			found.List = append(found.List, l)
		}
		return found, nil
	}
}

func paths(files []ccm.CloudFile) string {
	var all []string
	for _, f := range files {
		all = append(all, f.Path)
	}
	return strings.Join(all, " ")
}
