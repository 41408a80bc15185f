package sim

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The kinds of tokenSubject.
const (
	subjectDevice = "device"
	subjectUser   = "user"
	subjectBulk   = "bulk"
)

// tokenSubject is whom a token speaks for.
type tokenSubject struct {
	kind   string
	holder string // GUID in lower case
}

// recognize says whom a token speaks for, as far as it can be told, and why the token is not taken.
func (s *TokenService) recognize(set STSSettings, token string) (tokenSubject, error) {
	t, err := readJWT(token)
	if err != nil {
		return tokenSubject{}, err
	}
	if t.text("SCCMTokenCategory") == preAuthToken {
		return s.recognizeBulk(set, t)
	}
	if s.config.Entra == nil {
		return tokenSubject{}, errors.New("tokens of Entra are not taken")
	}
	from := tokenSubject{kind: subjectDevice, holder: strings.ToLower(t.text("deviceid"))}
	if from.holder == "" {
		from = tokenSubject{kind: subjectUser, holder: strings.ToLower(t.text("oid"))}
	}
	if err := s.config.Entra.verify(t, set.Audience, set.Now(), set.Tolerance); err != nil {
		return from, err
	}
	if from.kind == subjectUser && t.text("idtyp") != "user" {
		return from, errors.New("it is neither of a device nor of a user")
	}
	return from, nil
}

// issue makes a CCM token. That it is a JWT is likely, from what servers log; its claims are made up after those of a bulk
// registration token.
func (s *TokenService) issue(set STSSettings, to tokenSubject) (issued, error) {
	now := set.Now().Add(set.Skew).Truncate(time.Second)
	until := now.Add(set.Life)
	claims := s.claims("SCCMToken", now, until)
	claims["sub"] = to.holder
	claims["UniqueId"] = newGUID()
	switch to.kind {
	case subjectDevice:
		claims["Authority"], claims["Type"], claims["DeviceId"] = "AAD", "Device", to.holder
	case subjectUser:
		claims["Authority"], claims["Type"], claims["UserId"] = "AAD", "User", to.holder
	default:
		claims["Authority"], claims["Type"] = "SCCM", "BulkRegistration"
	}
	s.mu.Lock()
	if smsid := s.bound[to.holder]; smsid != "" {
		claims["SMSID"] = smsid
	}
	s.mu.Unlock()
	token, err := s.signer.sign(claims)
	if err != nil {
		return issued{}, fmt.Errorf("issue a CCM token: %w", err)
	}
	s.config.CCMTokens.Accept(token, until)
	return issued{token: token, until: until}, nil
}

// claims are those that all tokens of the site have.
func (s *TokenService) claims(category string, from, until time.Time) map[string]any {
	return map[string]any{
		"SCCMTokenCategory": category, "License": "SCCM", "TenantId": s.config.Hierarchy,
		"iss": s.issuer(), "aud": siteAudience, "nbf": from.Unix(), "iat": from.Unix(), "exp": until.Unix(),
	}
}

const siteAudience = "urn:sccm:service"

func (s *TokenService) issuer() string { return "urn:sccm:oauth2:" + s.config.Hierarchy }

// holderOf is whom a CCM token was issued to, "" when it does not say. The token is not checked.
func holderOf(token string) string {
	t, err := readJWT(token)
	if err != nil {
		return ""
	}
	return t.text("sub")
}
