package sim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// MPSettings is how a management point behaves. All of it can be changed while it serves; see ManagementPoint.Change.
type MPSettings struct {
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
	// Skew is how far the time in a signed message, a registration or an authenticator may be off. How far a real one lets
	// it is not public. Zero means 5 minutes.
	Skew time.Duration
	// AutoApprove approves every registration at once, as a site may be set to. Otherwise a machine without an account, an
	// Entra token or a certificate waits for Approve.
	AutoApprove bool
	// NotReady keeps a machine waiting after its registration.
	NotReady NotReady
	// RequireCertificate makes it a management point for HTTPS with client certificates: the directories that are neither for
	// tokens nor for other authentication refuse http (403.4), and https without a certificate (403.7).
	RequireCertificate bool
	// RequireAuthenticator lists the directories ("ccm_system_altauth") whose messages need a signed header: ClientToken or
	// CCMClientID. Registrations do not, since nobody knows their keys yet.
	RequireAuthenticator []string
	// Anonymous is what a location request without a signature gets.
	Anonymous Anonymous
	// Sources are the places that location replies name, in the order of the replies.
	Sources []Source
	// ClientPackage is the content that a request for the client package is answered with: an ID of the library. Empty: it
	// has no locations.
	ClientPackage string
	// Strange adds attributes, elements and properties that nobody knows to location replies, as another version might.
	Strange bool
	// Delivery is how tokens come to clients.
	Delivery TokenDelivery
	// Reply is how replies to messages look.
	Reply ReplyStyle
	// Bootstrap is added to the header of every document of .sms_aut, such as Cache-Control or ETag; a request with that
	// ETag in If-None-Match is answered with 304. Nil adds nothing.
	Bootstrap http.Header
}

// NotReady is how long a registration takes to reach the database of the site: signed messages, and questions about the
// registration, are answered with nothing until then. Zero is no time.
type NotReady struct {
	// For is the time, by the clock of the management point.
	For time.Duration
	// Messages is how many messages of the machine are answered with nothing.
	Messages int
}

// Anonymous is what a location request without a signature gets. It is public that one over http is answered (SharpSCCM and
// others ask so), but not whether with a token.
type Anonymous uint8

const (
	// AnonymousLocations is locations without tokens, and without cloud distribution points.
	AnonymousLocations Anonymous = iota
	// AnonymousTokens is all that a machine gets whom the site approved.
	AnonymousTokens
	// AnonymousNothing is an empty answer.
	AnonymousNothing
)

// complete checks the settings and fills in what zero stands for.
func (s MPSettings) complete() (MPSettings, error) {
	if s.Now == nil {
		s.Now = time.Now
	}
	s.Skew = orDefault(s.Skew, 5*time.Minute)
	s.Sources, s.RequireAuthenticator = slices.Clone(s.Sources), slices.Clone(s.RequireAuthenticator)
	s.Bootstrap = s.Bootstrap.Clone()
	switch {
	case s.Skew < 0 || s.NotReady.For < 0 || s.NotReady.Messages < 0:
		return s, errors.New("skew and waiting time cannot be negative")
	case s.Anonymous > AnonymousNothing:
		return s, fmt.Errorf("there is no anonymous access %d", s.Anonymous)
	}
	for i, name := range s.RequireAuthenticator {
		d, ok := directoryOf(name)
		if !ok || !d.messages {
			return s, fmt.Errorf("%q is no directory for messages", name)
		}
		s.RequireAuthenticator[i] = d.name
	}
	for i := range s.Sources {
		if err := s.Sources[i].complete(); err != nil {
			return s, fmt.Errorf("source %d: %w", i+1, err)
		}
	}
	var err error
	if s.Delivery, err = s.Delivery.complete(); err != nil {
		return s, err
	}
	return s, s.Reply.check()
}

// door is how a virtual directory of a management point authenticates.
type door uint8

const (
	doorPlain   door = iota // anonymous, or a certificate where one is required
	doorWindows             // Negotiate or NTLM
	doorAlt                 // nothing, whatever the others require
	doorToken               // a CCM token
)

// directory is a virtual directory of a management point.
type directory struct {
	name     string // in lower case
	door     door
	messages bool // for CCM_POST; otherwise for the documents of SMS_MP
}

// directoryOf understands the first segment of a path, in any letter case.
func directoryOf(segment string) (directory, bool) {
	d := directory{name: strings.ToLower(segment)}
	suffix, isMessages := strings.CutPrefix(d.name, "ccm_system")
	if !isMessages {
		var isDocuments bool
		if suffix, isDocuments = strings.CutPrefix(d.name, "sms_mp"); !isDocuments {
			return d, false
		}
	}
	d.messages = isMessages
	i := slices.Index([]string{"", "_windowsauth", "_altauth", "_tokenauth"}, suffix)
	d.door = door(max(i, 0))
	return d, i >= 0
}
