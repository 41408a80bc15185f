package sim

import "net/http"

// GatewayRefusal is a refusal with the words of a gateway, which clients log as StatusText (memdocs "troubleshoot-cmg-client").
type GatewayRefusal uint8

const (
	// GatewayInvalidToken is a token that the gateway does not take.
	GatewayInvalidToken GatewayRefusal = iota + 1
	// GatewayUnauthorized is a management point that did not let the connector in.
	GatewayUnauthorized
	// GatewayCertificateRequired is a client certificate that is missing.
	GatewayCertificateRequired
	// GatewayForbidden is a management point, or a filter, that does not allow it.
	GatewayForbidden
	// GatewayInternalError is a management point that fails, or is away.
	GatewayInternalError
)

// String is what the status line says: "CMGService_Invalid_Token" and so on.
func (r GatewayRefusal) String() string {
	switch r {
	case GatewayInvalidToken:
		return "CMGService_Invalid_Token"
	case GatewayUnauthorized:
		return "CMGConnector_Unauthorized"
	case GatewayCertificateRequired:
		return "CMGConnector_Clientcertificaterequired"
	case GatewayForbidden:
		return "CMGConnector_Forbidden"
	case GatewayInternalError:
		return "CMGConnector_InternalServerError"
	}
	return ""
}

func (r GatewayRefusal) status() (status, substatus int) {
	switch r {
	case GatewayInvalidToken, GatewayUnauthorized:
		return http.StatusUnauthorized, 0
	case GatewayCertificateRequired:
		return http.StatusForbidden, 7
	case GatewayForbidden:
		return http.StatusForbidden, 0
	default:
		return http.StatusInternalServerError, 0
	}
}

// Fault is the refusal as a fault of a gateway, for every request until it is lifted; set Match and Count as you need them.
func (r GatewayRefusal) Fault() Fault {
	status, substatus := r.status()
	return Fault{Kind: FaultStatus, Status: status, Substatus: substatus, Reason: r.String()}
}
