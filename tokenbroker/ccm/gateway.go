package ccm

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// The directories of a gateway: for clients with a certificate, and for those that authenticate the server only and show
// a token. Letter case varies in logs; these are the spellings of Microsoft's documentation.
const (
	mutualAuth = "CCM_Proxy_MutualAuth"
	serverAuth = "CCM_Proxy_ServerAuth"
)

// TokenDirectory is the virtual directory for messages that show a CCM token: Config.Directory at a Gateway's ServerAuth.
const TokenDirectory = "ccm_system_tokenauth"

var errGateway = errors.New("the URL of a gateway is like https://cmg.example.org/CCM_Proxy_MutualAuth/72057594037937981")

// Gateway is one management point behind a cloud management gateway (CMG).
type Gateway struct {
	host string
	mp   string
}

// ParseGateway reads the URL by which clients know a management point behind a gateway, in either of its forms: the one
// for clients with a certificate is what a site hands out, and clients without one make the other from it.
func ParseGateway(raw string) (Gateway, error) {
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	u, err := baseURL(raw)
	if err != nil {
		return Gateway{}, fmt.Errorf("gateway: %w", err)
	}
	directory, mp, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	known := strings.EqualFold(directory, mutualAuth) || strings.EqualFold(directory, serverAuth)
	if _, err := strconv.ParseUint(mp, 10, 64); err != nil || !known || u.Scheme != "https" {
		return Gateway{}, fmt.Errorf("gateway: %w", errGateway)
	}
	return Gateway{host: u.Host, mp: mp}, nil
}

// MutualAuth is the base URL for clients that show a certificate in TLS.
func (g Gateway) MutualAuth() string { return g.base(mutualAuth) }

// ServerAuth is the base URL for clients that show a token, and that of the STS.
func (g Gateway) ServerAuth() string { return g.base(serverAuth) }

func (g Gateway) base(directory string) string {
	return (&url.URL{Scheme: "https", Host: g.host, Path: "/" + directory + "/" + g.mp}).String()
}
