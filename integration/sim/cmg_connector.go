package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// connect is the connector: it hands a request on to the management point, and the answer back.
func (g *Gateway) connect(w *recorder, r *http.Request, c gatewayCall, how string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, g.config.MaxBody))
	if err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	resp, content, err := g.fetch(r, c, how, body)
	switch {
	case r.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	case err != nil:
		GatewayInternalError.refuse(w)
	default:
		g.relay(w, r, c, resp, content)
	}
}

// fetch asks the management point.
func (g *Gateway) fetch(r *http.Request, c gatewayCall, how string, body []byte) (*http.Response, []byte, error) {
	base, err := url.Parse(cmp.Or(c.to.URL("https"), c.to.URL("http")))
	if err != nil {
		return nil, nil, fmt.Errorf("forward to a management point: %w", err)
	}
	base.Path, base.RawQuery, base.ForceQuery = c.path, r.URL.RawQuery, r.URL.ForceQuery
	req, err := http.NewRequestWithContext(r.Context(), r.Method, base.String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("forward to a management point: %w", err)
	}
	copyFields(req.Header, r.Header)
	c.to.Vouch(req.Header, how)
	resp, err := g.forward.RoundTrip(req)
	if err != nil {
		return nil, nil, fmt.Errorf("forward to a management point: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, nil, fmt.Errorf("forward to a management point: %w", err)
	}
	return resp, content, nil
}

func copyFields(to, from http.Header) {
	for name, values := range from {
		if !isHop(name) {
			to[name] = values
		}
	}
}

// relay gives the client what the management point has said, or the words of the connector for it. What the token service says
// about a token passes as it is: how real connectors word that is not public.
func (g *Gateway) relay(w *recorder, r *http.Request, c gatewayCall, resp *http.Response, content []byte) {
	isSTS := c.first() == "ccm_sts"
	switch status := resp.StatusCode; {
	case status >= http.StatusInternalServerError:
		GatewayInternalError.refuse(w)
	case status == http.StatusUnauthorized && !isSTS:
		GatewayUnauthorized.refuse(w)
	case status == http.StatusForbidden && bytes.Contains(content, []byte("403.7")):
		GatewayCertificateRequired.refuse(w)
	case status == http.StatusForbidden && !isSTS:
		GatewayForbidden.refuse(w)
	default:
		copyFields(w.Header(), resp.Header)
		if status == http.StatusOK && r.Method != http.MethodHead {
			g.sendBytes(w, r, "forwarded", content)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write(content) // the log has noted it
	}
}
