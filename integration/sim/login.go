package sim

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
)

func (d *DP) login(r *http.Request) (user string, no refusal) {
	return windowsLogin(r, d.config.Accounts)
}

// windowsLogin is Windows authentication: NTLM over the schemes NTLM and Negotiate, bound to the TCP connection. It holds
// until the connection ends. Kerberos is offered, as IIS does by offering Negotiate, but no ticket is ever good here.
func windowsLogin(r *http.Request, accounts []Account) (user string, no refusal) {
	c := connOf(r.Context())
	scheme, data, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	negotiate := strings.EqualFold(scheme, "Negotiate")
	if c == nil || !negotiate && !strings.EqualFold(scheme, "NTLM") {
		return c.loggedIn()
	}
	message, err := base64.StdEncoding.DecodeString(strings.TrimSpace(data))
	if err != nil {
		return "", unauthorized(1)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch ntlmKind(message) {
	case 1:
		c.user, c.challenge = "", make([]byte, 8)
		_, _ = rand.Read(c.challenge) // never fails
		reply := base64.StdEncoding.EncodeToString(ntlmChallenge(domainOf(accounts), c.challenge))
		return "", refusal{status: http.StatusUnauthorized, substatus: 1, challenges: []string{scheme + " " + reply}}
	case 3:
		account, ok := ntlmVerify(message, c.challenge, accounts)
		c.challenge = nil
		if ok {
			c.user = account.String()
			return c.user, refusal{}
		}
	}
	c.user = ""
	return "", unauthorized(1)
}

// domainOf is what a server with such accounts calls its domain.
func domainOf(accounts []Account) string {
	if len(accounts) == 0 {
		return "SIM"
	}
	return accounts[0].Domain
}

// loggedIn is the user whom the connection belongs to, or a refusal that asks for a login.
func (c *conn) loggedIn() (string, refusal) {
	if c == nil {
		return "", unauthorized(2)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.user == "" {
		return "", unauthorized(2)
	}
	return c.user, refusal{}
}

func unauthorized(substatus int) refusal {
	return refusal{status: http.StatusUnauthorized, substatus: substatus, challenges: []string{"Negotiate", "NTLM"}}
}
