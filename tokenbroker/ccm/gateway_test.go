package ccm

import "testing"

func TestParseGateway(t *testing.T) {
	const mutual, server = "https://cmg.example.org/CCM_Proxy_MutualAuth/72057594037937981", "https://cmg.example.org/CCM_Proxy_ServerAuth/72057594037937981"
	for _, c := range []struct{ name, raw, mutual, server string }{
		{"for certificates", mutual, mutual, server},
		{"for tokens", server, mutual, server},
		{"as a site hands it out", "cmg.example.org/CCM_Proxy_MutualAuth/72057594037937981", mutual, server},
		{"letter case of server logs", "https://cmg.example.org/CCM_PROXY_SERVERAUTH/72057594037937981/", mutual, server},
		{"with a port", "https://cmg.example.org:8443/CCM_Proxy_MutualAuth/7", "https://cmg.example.org:8443/CCM_Proxy_MutualAuth/7", "https://cmg.example.org:8443/CCM_Proxy_ServerAuth/7"},
		{"plain HTTP", "http://cmg.example.org/CCM_Proxy_MutualAuth/7", "", ""},
		{"another directory", "https://cmg.example.org/CCM_Proxy/7", "", ""},
		{"no number", "https://cmg.example.org/CCM_Proxy_MutualAuth/x", "", ""},
		{"too large a number", "https://cmg.example.org/CCM_Proxy_MutualAuth/99999999999999999999", "", ""},
		{"more behind it", "https://cmg.example.org/CCM_Proxy_MutualAuth/7/x", "", ""},
		{"host only", "https://cmg.example.org", "", ""},
		{"user", "https://u:p@cmg.example.org/CCM_Proxy_MutualAuth/7", "", ""},
		{"query", "https://cmg.example.org/CCM_Proxy_MutualAuth/7?x", "", ""},
		{"nothing", "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := ParseGateway(c.raw)
			if err != nil {
				if c.mutual != "" {
					t.Error(err)
				}
				return
			}
			if g.MutualAuth() != c.mutual || g.ServerAuth() != c.server {
				t.Errorf("got %s and %s, want %s and %s", g.MutualAuth(), g.ServerAuth(), c.mutual, c.server)
			}
		})
	}
}
