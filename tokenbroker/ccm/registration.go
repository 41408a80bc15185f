package ccm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// RegistrationSettings are what this machine says about itself when it registers. Public tools show that sites take any
// agent; the defaults are theirs.
type RegistrationSettings struct {
	// Agent is the name of the program. Empty is "CCMSetup.exe".
	Agent string
	// AgentVersion is its version. Empty is "5.00.8325.0000".
	AgentVersion string
	// FQDN is the full name of this machine. Empty is its NetBIOS name.
	FQDN string
	// LocaleID is a Windows language id. 0 is 1033, US English.
	LocaleID int
	// InternetFlag is 0 for a machine of the internal network, 1 for one that may also be on the internet, 2 for one that
	// always is (enumeration of the Client Messaging SDK).
	InternetFlag int
	// Properties are further discovery properties, or other values for those above, by name: the SDK knows "AD Site Name",
	// "MAC Addresses", "IP Addresses", "IP Subnets", "SMBIOSID" and some more.
	Properties map[string]string
	// SignConfirmation signs the message that asks for the state of a registration, in addition to its content. Whether
	// sites want that is not public; public tools do not ask at all.
	SignConfirmation bool
}

func (s RegistrationSettings) withDefaults() RegistrationSettings {
	set(&s.Agent, "CCMSetup.exe")
	set(&s.AgentVersion, "5.00.8325.0000")
	set(&s.LocaleID, 1033)
	return s
}

func (s RegistrationSettings) validate() error {
	if s.InternetFlag < 0 || s.InternetFlag > 2 {
		return fmt.Errorf("registration: the internet flag %d is none of 0, 1 and 2", s.InternetFlag)
	}
	return nil
}

// Register introduces the client's identity to the site, and returns what the site says to it. The id that it gives is to
// be kept with the key: Identity.WithSMSID. The same certificate gets the same id again; one that the identity has already
// is not told, since the site may not know it any more.
func (c *Client) Register(ctx context.Context) (Registration, error) {
	return c.As(c.config.Identity.unnamed()).introduce(ctx, "register", "Registration", false)
}

// Confirm asks how the registration of the client's identity stands.
func (c *Client) Confirm(ctx context.Context) (Registration, error) {
	const op = "confirm registration"
	if c.config.Identity == nil || c.config.Identity.smsid == "" {
		return Registration{}, &Error{Op: op, Kind: ErrNotRegistered}
	}
	return c.introduce(ctx, op, "Confirmation", true)
}

func (c *Client) introduce(ctx context.Context, op, kind string, again bool) (Registration, error) {
	i := c.config.Identity
	if i == nil {
		return Registration{}, &Error{Op: op, Kind: ErrNotRegistered, Cause: flaw("there is no identity to register")}
	}
	data := c.introduction(i, kind, again).String()
	// The signature is over the text of the element as it stands, in UTF-16 without a terminator.
	signature, err := i.sign(encodeText(data), c.config.Message.Hash, true)
	if err != nil {
		return Registration{}, fmt.Errorf("%s: %w", op, err)
	}
	body := "<ClientRegistrationRequest>" + data + "<Signature><SignatureValue>" + signature +
		"</SignatureValue></Signature></ClientRegistrationRequest>"
	signed := again && c.config.Registration.SignConfirmation
	root, err := c.post(ctx, op, outgoing{endpoint: registrationEndpoint, body: body, signed: signed, nameless: !signed})
	if err != nil {
		return Registration{}, err
	}
	r, err := parseRegistration(root)
	if err != nil {
		return Registration{}, nonsense(op, err)
	}
	return r, nil
}

// introduction is the element Data, which is what is signed. Its names and their order are those that public tools send.
func (c *Client) introduction(i *Identity, kind string, again bool) *element {
	s := c.config.Registration
	certificate := func(name string, der []byte) *element {
		e := tag(name, "Encoding", "HexBinary", "KeyType", strconv.Itoa(int(i.keyType)))
		e.text = upperHex(der)
		return e
	}
	data := tag("Data", "HashAlgorithm", string(c.config.Message.Hash), "SMSID", i.smsid, "RequestType", kind,
		"TimeStamp", timestamp(c.config.Now())).with(
		tag("AgentInformation", "AgentIdentity", s.Agent, "AgentVersion", s.AgentVersion, "AgentType", "0"),
		tag("Certificates").with(certificate("Encryption", i.encryption.Raw), certificate("Signing", i.signing.Raw)),
	)
	if !again {
		data.with(c.discovery())
	}
	return data
}

// discovery are the properties by which administrators recognize the machine.
func (c *Client) discovery() *element {
	s := c.config.Registration
	fqdn := strings.TrimSpace(s.FQDN)
	set(&fqdn, c.config.Host)
	names := []string{"Netbios Name", "FQ Name", "Locale ID", "InternetFlag"}
	values := map[string]string{
		"Netbios Name": c.config.Host, "FQ Name": fqdn,
		"Locale ID": strconv.Itoa(s.LocaleID), "InternetFlag": strconv.Itoa(s.InternetFlag),
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if _, known := values[name]; !known {
			names = append(names, name)
		}
		values[name] = s.Properties[name]
	}
	e := tag("DiscoveryProperties")
	for _, name := range names {
		e.with(tag("Property", "Name", name, "Value", values[name]))
	}
	return e
}
