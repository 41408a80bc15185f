package sim

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// introduction is a ClientRegistrationRequest whose own signature is good: a registration, or the question about one.
type introduction struct {
	confirms            bool
	smsid               string // that it states, "" for none
	name                string // Netbios Name
	keyType             int
	signing, encryption *x509.Certificate
	key                 *rsa.PublicKey
}

const (
	keySelfSigned = 1
	keyIssued     = 2
)

// readIntroduction checks the request. Its signature is over the text of Data as it stands (sccmwtf, SCCMSecrets).
func (v *visit) readIntroduction(msg *message) (in introduction, err error) {
	data := msg.body.at("Data")
	if msg.body.name != "ClientRegistrationRequest" || data == nil {
		return in, refused("it is no ClientRegistrationRequest with Data")
	}
	if in.signing, in.keyType, err = readCertificate(data.at("Certificates", "Signing")); err != nil {
		return in, err
	}
	var encryptionType int
	if in.encryption, encryptionType, err = readCertificate(data.at("Certificates", "Encryption")); err != nil {
		return in, err
	}
	var isRSA bool
	in.key, isRSA = in.signing.PublicKey.(*rsa.PublicKey)
	hash, known := hashNamed(data.attr("HashAlgorithm"))
	literal := utf16le(msg.text[data.start:data.end])
	switch signature := msg.body.value("Signature", "SignatureValue"); {
	case !isRSA || in.key.Size() < 256:
		return in, refused("the key is not RSA of 2048 bits at least")
	case encryptionType != in.keyType:
		return in, refused("the certificates differ in their KeyType")
	case !known || !verifies(in.key, hash, literal, signature):
		return in, refused("SignatureValue is not that of the certificate's key over Data")
	case !fresh(data.attr("TimeStamp"), v.now, v.set.Skew):
		return in, refused("TimeStamp is not now: the clocks differ")
	}
	for _, c := range []*x509.Certificate{in.signing, in.encryption} {
		if err := v.checkIssuer(c, in.keyType); err != nil {
			return in, err
		}
	}
	return in, in.state(data, msg.host())
}

// state notes what the request says about itself: host is the name in the envelope.
func (in *introduction) state(data *xmlNode, host string) error {
	in.smsid, in.name = normalSMSID(data.attr("SMSID")), host
	if properties := data.at("DiscoveryProperties"); properties != nil {
		for _, p := range properties.children {
			if p.attr("Name") == "Netbios Name" && p.attr("Value") != "" {
				in.name = p.attr("Value")
			}
		}
	}
	in.name = strings.ToUpper(in.name)
	switch kind := data.attr("RequestType"); kind {
	case "Registration":
	case "Confirmation":
		in.confirms = true
	default:
		return refused(fmt.Sprintf("there is no RequestType %q", kind))
	}
	return nil
}

// readCertificate reads a certificate in hexadecimal, with its KeyType.
func readCertificate(n *xmlNode) (*x509.Certificate, int, error) {
	if n == nil || n.attr("Encoding") != "HexBinary" {
		return nil, 0, refused("a certificate is missing, or is not in HexBinary")
	}
	der, err := hex.DecodeString(n.text)
	if err != nil {
		return nil, 0, refused("a certificate is not in HexBinary")
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, 0, refused("a certificate: " + err.Error())
	}
	kind, _ := strconv.Atoi(n.attr("KeyType")) // none is no known one
	return c, kind, nil
}

// checkIssuer holds a certificate to what its KeyType says.
func (v *visit) checkIssuer(c *x509.Certificate, keyType int) error {
	switch keyType {
	case keySelfSigned:
		if c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil {
			return refused("a certificate is said to be self-signed, and is not")
		}
	case keyIssued:
		_, err := c.Verify(x509.VerifyOptions{Roots: v.m.config.CA.Pool(), CurrentTime: v.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
		if err != nil {
			return refused("the site does not trust a certificate: " + err.Error())
		}
	default:
		return refused("the KeyType is neither self-signed nor issued")
	}
	return nil
}

// register answers MP_ClientRegistration.
func (v *visit) register(msg *message) (reply, error) {
	in, err := v.readIntroduction(msg)
	if err != nil {
		return reply{}, err
	}
	v.entry.Machine = in.name
	if hook := msg.hook("clientauth"); hook != nil {
		if err := v.checkSignatures(msg, hook, in.key, in.smsid); err != nil {
			return reply{}, err
		}
	}
	kind, c := "Registration", MPClient{}
	if in.confirms {
		kind = "Confirmation"
		c, err = v.m.confirm(in, v)
	} else {
		c = v.m.admitClient(in, v)
	}
	if err != nil {
		return reply{}, err
	}
	v.entry.SMSID, v.entry.Machine = c.SMSID, c.Name
	return reply{body: node("ClientRegistrationResponse", "ResponseType", kind, "TimeStamp", v.now.UTC().Format(messageTime),
		"Status", strconv.Itoa(int(c.Status)), "SMSID", c.SMSID, "ApprovalStatus", strconv.Itoa(int(c.Approval))).String()}, nil
}
