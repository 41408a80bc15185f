package windowsauth

import (
	"errors"
	"strings"

	"github.com/Azure/go-ntlmssp"

	"branchpoint/tokenbroker/secretfile"
)

// The schemes of the header WWW-Authenticate (RFC 4559, MS-NTHT).
const (
	schemeNegotiate = "Negotiate"
	schemeNTLM      = "NTLM"
)

// account is who logs in.
type account interface {
	// schemes are those that it can, the best first.
	schemes() []string
	// begin starts a login, and returns its first message. service is the name that Kerberos knows the server by.
	begin(scheme, service string) (handshake, []byte, error)
}

// handshake is one login.
type handshake interface {
	// next answers a message of the server.
	next(challenge []byte) ([]byte, error)
	// close gives back what the login holds.
	close()
}

// password is an account with a password in a file. It speaks NTLM version 2, also where the server calls it Negotiate, which
// IIS takes.
type password struct{ user, file string }

var _ account = password{}

// checkUser refuses an account that no server knows.
func checkUser(user string) error {
	domain, name, ok := strings.Cut(user, `\`)
	if !ok {
		name, domain, ok = strings.Cut(user, "@")
	}
	if !ok || domain == "" || name == "" || strings.ContainsAny(name+domain, `\/"[]:;|=,+*?<>`) {
		return errors.New(`the user has to be written DOMAIN\name or name@domain`)
	}
	return nil
}

// newPassword refuses an account that no server knows, and a file that cannot be read.
func newPassword(user, file string) (account, error) {
	if err := checkUser(user); err != nil {
		return nil, err
	}
	if _, err := secretfile.GivenLine(file); err != nil {
		return nil, errors.New("reading the password: " + err.Error())
	}
	return password{user, file}, nil
}

func (password) schemes() []string { return []string{schemeNTLM, schemeNegotiate} }

func (p password) begin(string, string) (handshake, []byte, error) {
	secret, err := secretfile.GivenLine(p.file)
	if err != nil {
		return nil, nil, errors.New("reading the password: " + err.Error())
	}
	hello, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return nil, nil, errors.New("the first message cannot be made")
	}
	prove := func(challenge []byte) ([]byte, error) {
		return ntlmssp.NewAuthenticateMessage(challenge, p.user, secret, nil)
	}
	return ntlm(prove), hello, nil
}

// ntlm answers the one challenge of NTLM. The password is inside the function.
type ntlm func(challenge []byte) ([]byte, error)

func (n ntlm) next(challenge []byte) ([]byte, error) {
	message, err := n(challenge)
	if err != nil {
		return nil, errors.New("the server's challenge is none of NTLM version 2")
	}
	return message, nil
}

func (ntlm) close() {}
