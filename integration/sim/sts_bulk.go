package sim

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// preAuthToken is the category of bulk registration tokens (memdocs "deploy-clients-cmg-token" shows one decoded).
const preAuthToken = "SCCMPreAuthToken"

const (
	bulkLife    = 3 * 24 * time.Hour
	bulkMaxLife = 7 * 24 * time.Hour
)

// BulkToken makes a bulk registration token as BulkRegistrationTokenTool.exe does, and tells its UniqueId, which is all that a
// site keeps of it. Life is how long it is good: at most 7 days, zero means 3.
func (s *TokenService) BulkToken(life time.Duration) (token Secret, id string, err error) {
	life = orDefault(life, bulkLife)
	if life < 0 || life > bulkMaxLife {
		return token, "", fmt.Errorf("make a bulk registration token: its life of %v is not within 7 days", life)
	}
	now := s.Settings().Now()
	claims := s.claims(preAuthToken, now, now.Add(life))
	id = newGUID()
	claims["Authority"], claims["Type"], claims["UniqueId"] = "SCCM", "BulkRegistration", id
	token, err = s.signer.sign(claims)
	return token, id, err
}

// BlockBulk makes a bulk registration token worthless, by its UniqueId.
func (s *TokenService) BlockBulk(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocked[strings.ToLower(id)] = true
}

func (s *TokenService) recognizeBulk(set STSSettings, t jwt) (tokenSubject, error) {
	from := tokenSubject{kind: subjectBulk, holder: strings.ToLower(t.text("UniqueId"))}
	if err := t.verify(s.signer.public(), false); err != nil {
		return from, err
	}
	if t.text("iss") != s.issuer() || t.text("aud") != siteAudience || t.text("Type") != "BulkRegistration" {
		return from, errors.New("it is of another hierarchy")
	}
	if err := t.inForce(set.Now(), set.Tolerance); err != nil {
		return from, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocked[from.holder] {
		return from, errors.New("it is blocked")
	}
	return from, nil
}
