// Package truststore is the machine's list of the certificate authorities that its programs trust.
//
// On Linux that is a directory and a program of the distribution, which makes the list from it; on Windows it is the ROOT
// store of the machine, not of a user: services see no other. Programs with a list of their own, such as Firefox, are not
// reached.
package truststore

import "errors"

var (
	// ErrUnknown says that this is no system whose list we know how to change.
	ErrUnknown = errors.New("this system's list of trusted certificates is not known")
	// ErrPrivilege says that the list is changed by administrators only.
	ErrPrivilege = errors.New("only an administrator may change which certificates this machine trusts")
)
