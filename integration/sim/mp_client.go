package sim

import (
	"cmp"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // thumbprints of certificates are made with it
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Approval is what the site says to a machine, in the numbers of the Client Messaging SDK and of client logs.
type Approval int

// The values of Approval.
const (
	ApprovalPending       Approval = 0
	Approved              Approval = 1
	ApprovalNotApplicable Approval = 2 // a certificate of a public key infrastructure
	ApprovedByEntra       Approval = 3
)

// Registration is how far a registration is, in the numbers of the Client Messaging SDK.
type Registration int

// The values of Registration.
const (
	Registered          Registration = 0
	RegistrationPending Registration = 1
	RegistrationReset   Registration = 2
	RegistrationError   Registration = 3 // also of a machine that is blocked
)

// MPClient is a machine that has registered.
type MPClient struct {
	// SMSID is "GUID:…" in upper case.
	SMSID string
	// Name is the NetBIOS name that it stated.
	Name     string
	Approval Approval
	Status   Registration
	// KeyType is 1 for a certificate that the machine made itself, 2 for an issued one.
	KeyType int
	// Thumbprint is the SHA-1 of the certificate that it signs with, in lower-case hex.
	Thumbprint string
	// Directory is where it registered last.
	Directory string
}

// clientRecord is what the site knows of a machine. The management point's mu guards it.
type clientRecord struct {
	MPClient

	key        *rsa.PublicKey    // verifies its signatures
	encryption *x509.Certificate // what is only for it is encrypted to it

	ready  time.Time // nothing is answered before
	silent int       // so many messages are answered with nothing yet
}

// registry is the machines that have registered. The management point's mu guards it.
type registry struct {
	byID   map[string]*clientRecord
	byCert map[string]*clientRecord // by thumbprint
}

func thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Clients lists the machines that have registered, by name.
func (m *ManagementPoint) Clients() []MPClient {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]MPClient, 0, len(m.registry.byID))
	for _, c := range m.registry.byID {
		list = append(list, c.MPClient)
	}
	slices.SortFunc(list, func(a, b MPClient) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.SMSID, b.SMSID)) })
	return list
}

// Approve does what an administrator does for a machine that waits for it. The id is an SMSID or a NetBIOS name, as in the
// following ones.
func (m *ManagementPoint) Approve(id string) error {
	return m.update("approve", id, func(c *clientRecord) { c.Approval = max(c.Approval, Approved) })
}

// Block refuses all messages of a machine, whose registration is an error from now on.
func (m *ManagementPoint) Block(id string) error {
	return m.update("block", id, func(c *clientRecord) { c.Status = RegistrationError })
}

// Unblock undoes Block.
func (m *ManagementPoint) Unblock(id string) error {
	return m.update("unblock", id, func(c *clientRecord) { c.Status = Registered })
}

// Reset forgets that a machine has registered: it is told so when it asks, its messages are refused, and it has to register
// again. The same certificate then gets the same SMSID.
func (m *ManagementPoint) Reset(id string) error {
	return m.update("reset", id, func(c *clientRecord) { c.Status, c.Approval = RegistrationReset, ApprovalPending })
}

func (m *ManagementPoint) update(doing, id string, change func(*clientRecord)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := false
	for smsid, c := range m.registry.byID {
		if smsid == normalSMSID(id) || strings.EqualFold(c.Name, id) {
			change(c)
			found = true
		}
	}
	if !found {
		return fmt.Errorf("%s %q: no machine of that name or id has registered", doing, id)
	}
	return nil
}
