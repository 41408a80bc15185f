package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"branchpoint/configs"
)

// apiTimeout is how long a running Branchpoint may take to say how it is doing.
const apiTimeout = 10 * time.Second

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

// apiFlag says where the admin API of a running Branchpoint is.
type apiFlag struct {
	configFlag
	Address string `help:"Where the admin API is. Default: what the configuration says." placeholder:"HOST:PORT"`
}

// Validate refuses what is not an address, and does not repeat it: there may be a password in it. The parser of the command
// line calls it.
func (f apiFlag) Validate() error {
	if f.Address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(f.Address)
	n, portErr := strconv.ParseUint(port, 10, 16)
	_, notIP := netip.ParseAddr(host)
	if err != nil || portErr != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@ ") || strings.Contains(host, ":") && notIP != nil {
		return errors.New("--address is not an address; write host:port, such as 127.0.0.1:8081")
	}
	return nil
}

// address returns where to ask.
func (f apiFlag) address() (string, error) {
	if f.Address != "" {
		return f.Address, nil
	}
	config, err := f.load()
	if err != nil { // the program that runs is none the worse for it
		if at := configs.AdminAddress(f.Config); at != "" {
			return at, nil
		}
		return "", err
	}
	if strings.HasSuffix(config.Admin.Address, ":0") {
		return "", errors.New("admin.address lets the system choose a port; --address says where to look")
	}
	return config.Admin.Address, nil
}

// ask asks the admin API for JSON, puts it into v, and returns it as it came.
func (f apiFlag) ask(path string, v any) ([]byte, error) {
	address, err := f.address()
	if err != nil {
		return nil, err
	}
	body, err := askFor(address, path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return nil, fmt.Errorf("%s: the answer to %s cannot be read, so %w", address, path, errStranger)
	}
	return body, nil
}

// askFor asks the admin API and returns the answer's body.
func askFor(address, path string) ([]byte, error) { return callAPI(http.MethodGet, address, path, "") }

// callAPI is askFor with another method, and the admin token when it is not empty.
func callAPI(method, address, path, token string) ([]byte, error) {
	return apiCall{method: method, address: address, path: path, token: token}.do()
}

// apiCall is one request to the admin API.
type apiCall struct {
	method, address, path string
	query                 url.Values // nil: none
	token                 string     // the admin token; empty for what needs none
	body                  any        // is sent as JSON; nil: none
}

// do returns the answer's body. Its status has to be 200, or 202 of what has been begun.
func (c apiCall) do() ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), apiTimeout)
	defer cancel()
	request, err := c.request(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", c.address, err)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // no proxy: it may be this very one
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, unanswered(c.address, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, unanswered(c.address, err)
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusAccepted {
		return nil, refused(c.address, answer.Status, body)
	}
	return body, nil
}

func (c apiCall) request(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if c.body != nil {
		text, err := json.Marshal(c.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	at := url.URL{Scheme: "http", Host: c.address, Path: c.path, RawQuery: c.query.Encode()}
	request, err := http.NewRequestWithContext(ctx, c.method, at.String(), body)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}
