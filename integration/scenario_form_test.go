package integration

import (
	"fmt"

	"branchpoint/integration/sim"
)

// tokenForm is how the token for distribution points comes to a machine. None of it is public, so that the site does each of the
// things that it may be, and the box is told which one.
type tokenForm struct{ sim.TokenDelivery }

// inReply is form A: the answer about locations has it.
func inReply(place sim.DeliveryPlace, attribute bool, encoding sim.TokenEncoding) tokenForm {
	return tokenForm{sim.TokenDelivery{Form: sim.DeliverInReply, Place: place, Attribute: attribute, Encoding: encoding}}
}

// byTokenManager is form B: a message to MP_TokenManager is answered with it.
func byTokenManager(encoding sim.TokenEncoding) tokenForm {
	return tokenForm{sim.TokenDelivery{Form: sim.DeliverByTokenManager, Encoding: encoding}}
}

// byTokenServices is form C: a TokenServicesRequest is.
func byTokenServices(encoding sim.TokenEncoding) tokenForm {
	return tokenForm{sim.TokenDelivery{Form: sim.DeliverByTokenServices, Encoding: encoding}}
}

// bySTS is form D: it is the CCM token that CCM_STS gives for another one.
func bySTS() tokenForm { return tokenForm{sim.TokenDelivery{Form: sim.DeliverNowhere}} }

// String is what the table calls it.
func (f tokenForm) String() string {
	name := [...]string{"A, element", "B, token manager", "C, token services", "D, STS"}[f.Form]
	if f.Form == sim.DeliverInReply && f.Attribute {
		name = "A, attribute"
	}
	if f.Form == sim.DeliverInReply {
		name += " of the " + [...]string{"answer", "site", "record"}[f.Place]
	}
	return name + ", " + f.decode()
}

// decode is the word for the wrapping in the configuration.
func (f tokenForm) decode() string {
	return [...]string{"none", "base64", "hex", "cms-enveloped"}[f.Encoding]
}

// yaml says it in the configuration, below "site".
func (f tokenForm) yaml() string {
	delivery := [...]string{"location-reply", "token-manager", "token-services", "sts"}[f.Form]
	more := ""
	if f.ExpiryName != "" {
		more = ", expiry_paths: ['//@" + f.ExpiryName + "']"
	}
	return fmt.Sprintf("  dp_token: {delivery: %s, decode: %s%s}\n", delivery, f.decode(), more)
}
