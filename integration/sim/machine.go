package sim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// MachineKind is what a machine is joined to, and so what it can authenticate with at a management point (memdocs
// "communications-between-endpoints", "azure-ccmsetup").
type MachineKind uint8

const (
	// Workgroup is joined to nothing: it has its self-signed certificate, and an administrator's approval.
	Workgroup MachineKind = iota
	// ADJoined has a computer account for Windows authentication.
	ADJoined
	// EntraJoined has a device in Entra, whose tokens the token service takes.
	EntraJoined
	// Hybrid has both.
	Hybrid
	machineKinds = iota
)

// String is "workgroup", "ad-joined", "entra-joined" or "hybrid".
func (k MachineKind) String() string {
	if k >= machineKinds {
		return fmt.Sprintf("MachineKind(%d)", uint8(k))
	}
	return [...]string{"workgroup", "ad-joined", "entra-joined", "hybrid"}[k]
}

// Machine is one client of a site, with what it can authenticate with.
type Machine struct {
	// Name is its NetBIOS name.
	Name string
	Kind MachineKind
	// Account is its computer account, DOMAIN\NAME$. Zero for a machine that is in no domain.
	Account Account
	// DeviceID is the id of its device in Entra, a GUID. Empty for a machine that is not joined to it.
	DeviceID string
	// SelfSigned is what it registers with: a certificate like that of the client agent, with its RSA key.
	SelfSigned *tls.Certificate `json:"-"`
	// PKI is a client certificate of the site's public key infrastructure, with an RSA key. Nil means none; see WithPKI.
	PKI *tls.Certificate `json:"-"`
}

// NewMachine makes a machine of a kind, with new keys. Accounts are in the domain of DemoAccount. It refuses a name that
// is no NetBIOS name.
func NewMachine(kind MachineKind, name string) (Machine, error) {
	m := Machine{Name: strings.ToUpper(name), Kind: kind}
	switch {
	case kind >= machineKinds:
		return m, fmt.Errorf("new machine: there is no kind %d", kind)
	case name == "" || len(name) > 15 || strings.Trim(m.Name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "":
		return m, fmt.Errorf("new machine: %q is no NetBIOS name", name)
	}
	if kind == ADJoined || kind == Hybrid {
		m.Account = Account{Domain: DemoAccount().Domain, Name: m.Name + "$", Password: NewSecret(rand.Text())}
	}
	if kind == EntraJoined || kind == Hybrid {
		m.DeviceID = newGUID()
	}
	var err error
	if m.SelfSigned, err = newSelfSigned(); err != nil {
		return m, fmt.Errorf("new machine %s: %w", m.Name, err)
	}
	return m, nil
}

// WithPKI is the machine with a client certificate of a CA.
func (m Machine) WithPKI(ca *CA) (Machine, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return m, fmt.Errorf("make the key of %s: %w", m.Name, err)
	}
	template := certificate(m.Name)
	template.KeyUsage |= x509.KeyUsageKeyEncipherment
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	template.DNSNames = []string{strings.ToLower(m.Name)}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return m, fmt.Errorf("sign the certificate of %s: %w", m.Name, err)
	}
	m.PKI = &tls.Certificate{Certificate: [][]byte{der, ca.cert.Raw}, PrivateKey: key}
	return m, nil
}

// newSelfSigned makes a certificate like that of the client agent, for signing and for encryption (sccmwtf and SCCMSecrets
// register with such ones).
func newSelfSigned() (*tls.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:       new(big.Int).SetBytes([]byte(rand.Text())[:8]),
		Subject:            pkix.Name{CommonName: "ConfigMgr Client"},
		NotBefore:          now.Add(-time.Hour),
		NotAfter:           now.AddDate(100, 0, 0),
		KeyUsage:           x509.KeyUsageDigitalSignature | x509.KeyUsageDataEncipherment,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 101, 2}, {1, 3, 6, 1, 4, 1, 311, 101}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// newGUID makes a random GUID in lower case (RFC 9562 version 4).
func newGUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
