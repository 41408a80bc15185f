//go:build !windows

package windowsauth

import "errors"

// processAccount has no account to offer.
func processAccount() (account, error) {
	return nil, errors.New("only on Windows a process has an account to log in with; name a user and a password file")
}
