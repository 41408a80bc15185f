package sim

import (
	"fmt"
	"slices"
	"strings"
)

// dispatch lets the endpoint answer that a message is for. An error is a refusal.
func (v *visit) dispatch(msg *message) (reply, error) {
	answer, err := v.endpoint(msg)
	// A message that waits for no reply gets an envelope (Client Messaging SDK).
	if err == nil && strings.EqualFold(msg.envelope.value("ReplyMode"), "ASync") {
		answer.one = true
	}
	return answer, err
}

func (v *visit) endpoint(msg *message) (reply, error) {
	switch name := msg.endpoint(); {
	case name == "MP_ClientRegistration":
		return v.register(msg)
	case name == "MP_LocationManager":
		return v.locationManager(msg)
	case name == "MP_TokenManager" && v.set.Delivery.Form == DeliverByTokenManager:
		return v.tokenReply(msg, "TokenReply")
	case slices.Contains(silentEndpoints(), name):
		// What they are told is not simulated, but that they take it from machines that the site knows.
		_, err := v.approved(msg)
		return reply{one: true}, err
	default:
		return reply{}, refused(fmt.Sprintf("there is no endpoint %q", name))
	}
}

// silentEndpoints are those that take reports (Client Messaging SDK).
func silentEndpoints() []string {
	return []string{"MP_DdrEndpoint", "MP_RelayEndpoint", "MP_HinvEndpoint", "MP_SinvEndpoint", "MP_SinvCollFileEndpoint"}
}

// locationManager tells its messages apart by the root (Synacktiv, DEF CON 33, has the list). It is for everybody.
func (v *visit) locationManager(msg *message) (reply, error) {
	switch root := msg.body.name; {
	case root == "ContentLocationRequest":
		return v.locate(msg)
	case root == "SiteInformationRequest":
		if _, err := v.sender(msg); err != nil {
			return reply{}, err
		}
		return v.siteInformation(msg.body)
	case root == "TokenServicesRequest" && v.set.Delivery.Form == DeliverByTokenServices:
		return v.tokenReply(msg, "TokenServicesReply")
	default:
		return reply{}, refused(fmt.Sprintf("MP_LocationManager does not know <%s> here", root))
	}
}

// tokenReply answers who asks for a token alone. The names of such a reply are not public.
func (v *visit) tokenReply(msg *message, root string) (reply, error) {
	c, err := v.approved(msg)
	if err != nil {
		return reply{}, err
	}
	sets := siteTokens(v.set.Sources)
	if len(sets) == 0 {
		return reply{}, refused("no distribution point takes tokens")
	}
	answer := node(root, "SchemaVersion", "1.00")
	if err := v.set.Delivery.put(answer, issue(v.set.Delivery.Life, sets...), c.encryption); err != nil {
		return reply{}, err
	}
	v.countToken(AudienceSite)
	return reply{body: answer.String()}, nil
}

// countToken notes that a token was issued to whom the message is from.
func (v *visit) countToken(audience string) {
	v.entry.Tokens++
	v.m.Tally.tokens.add(MPToken{Machine: v.entry.Machine, Audience: audience})
}
