package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"

	"branchpoint/admin"
)

// errStranger says that somebody else answers.
var errStranger = errors.New("that is not the admin API of a Branchpoint")

// unanswered tells in one sentence why there is no answer.
func unanswered(address string, err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err // what it adds is known
	}
	dns, unknown := errors.AsType[*net.DNSError](err)
	timeout, ok := errors.AsType[net.Error](err)
	op, network := errors.AsType[*net.OpError](err)
	switch {
	case connectionRefused(err):
		return fmt.Errorf("no Branchpoint is running at %s (--address says where else to look)", address)
	case unknown && dns.IsNotFound:
		return fmt.Errorf("there is no host of the name %s (--address says where to look)", dns.Name)
	case ok && timeout.Timeout():
		return fmt.Errorf("%s does not answer within %v", address, apiTimeout)
	case network && op.Op == "dial":
		return fmt.Errorf("%s cannot be reached: %w", address, op.Err)
	}
	return fmt.Errorf("%s breaks off or does not speak HTTP, so %w: %w", address, errStranger, err)
}

// refused tells what the API says is wrong.
func refused(address, status string, body []byte) error {
	var p admin.Problem
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return fmt.Errorf("%s answers %s; %w", address, status, errStranger)
	}
	err := fmt.Errorf("%s answers %s: %s", address, status, p.Detail)
	for _, check := range p.Checks {
		err = fmt.Errorf("%w\n  %s: %s", err, check.Name, check.Reason)
	}
	return &apiError{err, p.Status, p}
}

// apiError is what the API says is wrong, in words and as it came.
type apiError struct {
	error
	status  int
	problem admin.Problem
}
