package sim

import (
	"crypto/x509"
	"net/http"
)

// String is "mutual" or "server".
func (a gatewayAuth) String() string { return [...]string{"mutual", "server"}[a] }

// GatewayRequest is a kind of request that a gateway was asked to hand on. To a question, an empty field means all.
type GatewayRequest struct {
	// Auth is "mutual" for CCM_Proxy_MutualAuth and "server" for CCM_Proxy_ServerAuth.
	Auth string
	// Directory at the management point, in lower case: "ccm_system", "ccm_sts".
	Directory string
	// Client is who was authenticated: "certificate:" and the SHA-1 of it in hex, or "ccmtoken:" and whom the token was issued to.
	Client string
	// Status that the client got. A request that a fault of the gateway answered is not counted.
	Status int
}

// Requests is how many requests of a kind came. GatewayRequest{} is all.
func (g *Gateway) Requests(of GatewayRequest) int {
	return g.counts.sum(func(r GatewayRequest) bool {
		return (of.Auth == "" || of.Auth == r.Auth) && (of.Directory == "" || of.Directory == r.Directory) &&
			(of.Client == "" || of.Client == r.Client) && (of.Status == 0 || of.Status == r.Status)
	})
}

// authenticate says how a client has authenticated, in the words of ManagementPoint.Vouch, or why it has not. The token service
// looks at what it is shown itself: its clients have no CCM token yet.
func (g *Gateway) authenticate(r *http.Request, c gatewayCall) (how string, no GatewayRefusal) {
	switch {
	case c.auth == mutualAuth:
		return g.byCertificate(r)
	case c.first() == "ccm_sts":
		return "", 0
	default:
		return g.byToken(r)
	}
}

func (g *Gateway) byCertificate(r *http.Request) (string, GatewayRefusal) {
	if len(r.TLS.PeerCertificates) == 0 {
		return "", GatewayCertificateRequired
	}
	intermediates := x509.NewCertPool()
	for _, c := range r.TLS.PeerCertificates[1:] {
		intermediates.AddCert(c)
	}
	shown := r.TLS.PeerCertificates[0]
	_, err := shown.Verify(x509.VerifyOptions{
		Roots: g.config.CA.Pool(), Intermediates: intermediates, CurrentTime: g.config.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil || g.isStranger() {
		return "", GatewayForbidden
	}
	return "certificate:" + thumbprint(shown), 0
}

func (g *Gateway) byToken(r *http.Request) (string, GatewayRefusal) {
	tokens := g.config.CCMTokens
	if tokens == nil || g.isStranger() || tokens.check(r.Header) != http.StatusOK {
		return "", GatewayInvalidToken
	}
	token, _ := tokens.shown(r.Header)
	if holder := holderOf(token); holder != "" {
		return "ccmtoken:" + holder, 0
	}
	return "ccmtoken:unknown", 0 // a token that a test has put there
}
