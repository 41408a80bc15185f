package sim

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// connect is the connector: it hands a request on to the management point, and the answer back.
func (g *Gateway) connect(w *recorder, r *http.Request, c gatewayCall, done GatewayRequest) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, g.config.MaxBody))
	if err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	resp, content, err := g.fetch(r, c, done.Client, body)
	switch {
	case r.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	case err != nil:
		g.refuse(w, done, GatewayInternalError)
	default:
		g.relay(w, r, done, resp, content)
	}
}

// fetch asks the management point.
func (g *Gateway) fetch(r *http.Request, c gatewayCall, how string, body []byte) (*http.Response, []byte, error) {
	to := url.URL{Scheme: "https", Host: c.to.Address("https"), Path: c.path, RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery}
	if to.Host == "" {
		to.Scheme, to.Host = "http", c.to.Address("http")
	}
	req, err := http.NewRequestWithContext(r.Context(), r.Method, to.String(), bytes.NewReader(body))
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

// isHop says whether a header field is for one connection only (RFC 9110 section 7.6.1).
func isHop(name string) bool {
	switch strings.ToLower(name) {
	case "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade":
		return true
	}
	return false
}

// relay gives the client what the management point has said, or the words of the connector for it.
func (g *Gateway) relay(w *recorder, r *http.Request, done GatewayRequest, resp *http.Response, content []byte) {
	if no := refusalOf(resp.StatusCode, content, done.Directory == "ccm_sts"); no != 0 {
		g.refuse(w, done, no)
		return
	}
	g.count(done, resp.StatusCode)
	copyFields(w.Header(), resp.Header)
	if resp.StatusCode == http.StatusOK && r.Method != http.MethodHead {
		g.sendBytes(w, r, "forwarded", content)
		return
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(content) // the log has noted it
}

// refusalOf is what the connector makes of an answer, 0 when it passes as it is. What the token service says about a token
// does: how real connectors word that is not public.
func refusalOf(status int, page []byte, isSTS bool) GatewayRefusal {
	switch {
	case status >= http.StatusInternalServerError:
		return GatewayInternalError
	case status == http.StatusForbidden && bytes.Contains(page, []byte("403.7")):
		return GatewayCertificateRequired
	case isSTS:
		return 0
	case status == http.StatusUnauthorized:
		return GatewayUnauthorized
	case status == http.StatusForbidden:
		return GatewayForbidden
	}
	return 0
}
