package hop

import (
	"net/http"
	"sync/atomic"
)

// Retiring is a Transport that others may take the place of while requests of it are under way. It is used by several goroutines
// at once.
type Retiring struct {
	*http.Transport
	retired atomic.Bool // others have taken its place
}

// RoundTrip implements http.RoundTripper.
func (t *Retiring) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(r)
	if t.retired.Load() {
		t.CloseIdleConnections()
	}
	return resp, err
}

// Retire keeps no connection that is idle, now and later: after CloseIdleConnections a Transport closes what becomes idle, until
// it is asked for the next connection.
func (t *Retiring) Retire() {
	t.retired.Store(true)
	t.CloseIdleConnections()
}
