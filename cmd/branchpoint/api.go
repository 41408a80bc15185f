package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"branchpoint/admin"
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

// get asks the admin API and returns the answer's body. The answer has to be a 200.
func (f apiFlag) get(path string) ([]byte, error) {
	address := f.Address
	if address == "" {
		config, err := f.load()
		if err != nil {
			return nil, err
		}
		address = config.Admin.Address
	}
	ctx, cancel := context.WithTimeout(context.Background(), apiTimeout)
	defer cancel()
	at := url.URL{Scheme: "http", Host: address, Path: path}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", address, err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: it may be this very one
	answer, err := client.Do(request)
	if err != nil {
		return nil, unanswered(address, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", address, err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, refused(address, answer.Status, body)
	}
	return body, nil
}

func unanswered(address string, err error) error {
	if connectionRefused(err) {
		return fmt.Errorf("no Branchpoint is running at %s (--address says where else to look)", address)
	}
	return fmt.Errorf("asking %s: %w", address, err)
}

// refused tells what the API says is wrong.
func refused(address, status string, body []byte) error {
	var p admin.Problem
	if json.Unmarshal(body, &p) != nil {
		return fmt.Errorf("%s answers %s; that is no Branchpoint", address, status)
	}
	err := fmt.Errorf("%s answers %s: %s", address, status, p.Detail)
	for _, check := range p.Checks {
		err = fmt.Errorf("%w\n  %s: %s", err, check.Name, check.Reason)
	}
	return err
}
