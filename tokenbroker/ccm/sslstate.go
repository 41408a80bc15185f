package ccm

// SSLState says how HTTPS is set at a server: bits of the enumeration CcmHttpSslStates of the Client Messaging SDK. 0 does
// not mean plain HTTP: a distribution point of a site with enhanced HTTP has it with an https URL.
type SSLState uint32

// The bits of SSLState.
const (
	SSLEnabled          SSLState = 0x001
	SSLRequired         SSLState = 0x002
	ClientAuthEnabled   SSLState = 0x004
	ClientAuthRequired  SSLState = 0x008
	SSL128Bit           SSLState = 0x010
	ClientCRLChecking   SSLState = 0x020
	AllowHTTPFallback   SSLState = 0x040
	UseSSLWhenEnabled   SSLState = 0x080
	AllowReRegistration SSLState = 0x100
)

// authMethodToken is the bit of the property AuthMethod that logs show with the directories that want a token. Others are
// not public.
const authMethodToken = 0x400
