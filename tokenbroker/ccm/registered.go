package ccm

import (
	"strconv"
)

// registrationNames are what the answer to a registration is known to hold.
const registrationNames = `
	ClientRegistrationResponse/@ResponseType ClientRegistrationResponse/@TimeStamp ClientRegistrationResponse/@Status
	ClientRegistrationResponse/@SMSID ClientRegistrationResponse/@ApprovalStatus`

// Status is how far a registration is, in the numbers of the Client Messaging SDK.
type Status int

// The values of Status.
const (
	StatusRegistered       Status = 0
	StatusPending          Status = 1
	StatusReset            Status = 2
	StatusError            Status = 3 // also of a client that an administrator has blocked
	StatusCertificateReset Status = 4
)

// Approval is what the site says to the machine, in the numbers of the Client Messaging SDK.
type Approval int

// The values of Approval. The last one is from logs.
const (
	ApprovalUnknown       Approval = -1
	ApprovalPending       Approval = 0
	Approved              Approval = 1
	ApprovalNotApplicable Approval = 2
	ApprovedByEntra       Approval = 3
)

// State is a registration in a word, for status, health and the command line.
type State string

// The states of a registration.
const (
	// StateRegistered is a registration that counts: signed messages are answered.
	StateRegistered State = "registered"
	// StatePendingApproval is one that waits for an administrator. That is normal, and may take days.
	StatePendingApproval State = "pending approval"
	// StatePending is one that the site has not worked on yet.
	StatePending State = "pending registration"
	// StateReset is one that has to be made anew.
	StateReset State = "reset"
	// StateRejected is one that the site refuses: an error, or a blocked client.
	StateRejected State = "rejected"
)

// Registration is what a site says to a registration.
type Registration struct {
	// SMSID is the client id that the site gave, "GUID:…". Empty: it gave none.
	SMSID string
	// Status is how far the registration is.
	Status Status
	// Approval is what the site says to the machine.
	Approval Approval
	// Unknown are the names in the answer that this package does not know.
	Unknown []string
}

// State is the registration in a word.
func (r Registration) State() State {
	switch r.Status {
	case StatusRegistered:
		if r.Approval == Approved || r.Approval == ApprovalNotApplicable || r.Approval == ApprovedByEntra {
			return StateRegistered
		}
		return StatePendingApproval
	case StatusPending:
		return StatePending
	case StatusReset, StatusCertificateReset:
		return StateReset
	}
	return StateRejected
}

func parseRegistration(root *element) (Registration, error) {
	if root.name != "ClientRegistrationResponse" {
		return Registration{}, errOtherReply
	}
	status, err := strconv.Atoi(root.attr("Status"))
	if err != nil {
		return Registration{}, flaw("the status of the registration is not a number")
	}
	r := Registration{
		Status:   Status(status),
		Approval: ApprovalUnknown,
		Unknown:  newVocabulary(registrationNames).unknown(root),
	}
	if text := root.attr("ApprovalStatus"); text != "" {
		approval, err := strconv.Atoi(text)
		if err != nil {
			return Registration{}, flaw("the approval of the registration is not a number")
		}
		r.Approval = Approval(approval)
	}
	if id := root.attr("SMSID"); id != "" {
		if r.SMSID, err = parseSMSID(id); err != nil {
			return Registration{}, flaw("the id that the site gave is not a client id")
		}
	}
	return r, nil
}
