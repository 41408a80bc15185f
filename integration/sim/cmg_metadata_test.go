package sim

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
)

func TestGatewayMetadata(t *testing.T) {
	tenant, app := newGUID(), newGUID()
	for _, form := range []MetadataForm{MetadataJSON, MetadataXML} {
		g := newTestGateway(t, func(c *GatewayConfig) {
			c.Tenant, c.ClientApp, c.Form = tenant, app, form
			c.ManagementPoints[DefaultBehind] = c.ManagementPoints[7]
		})
		type info struct {
			AADCLIENTAPPID, AADRESOURCEURI, ServiceName, ContentEnabled string
			ManagementPoint                                             []string
		}
		ask := func(path string) (status int, said info) {
			t.Helper()
			resp, body := mustSend(t, g.http, "GET", g.URL("https")+path, "")
			if resp.StatusCode != 200 {
				return resp.StatusCode, said
			}
			read := json.Unmarshal
			if form == MetadataXML {
				read = xml.Unmarshal
			}
			if err := read(body, &said); err != nil {
				t.Fatalf("%s: %q: %v", path, body, err)
			}
			return 200, said
		}
		if status, said := ask("/CCM_Proxy_ServerAuth/AADAuthInfo?TenantID=" + strings.ToUpper(tenant)); status != 200 || said.AADCLIENTAPPID != app || said.AADRESOURCEURI != "https://ConfigMgrService" {
			t.Errorf("AADAuthInfo: %d %+v", status, said)
		}
		for auth, base := range map[string]string{"mutual": g.MutualAuth(DefaultBehind), "server": g.ServerAuth(DefaultBehind)} {
			status, said := ask("/ccm_proxy_" + auth + "auth/servicemetadata")
			if status != 200 || len(said.ManagementPoint) != 2 || said.ManagementPoint[1] != base || said.ServiceName != "127.0.0.1" || said.ContentEnabled != "false" {
				t.Errorf("%s: %d %+v", auth, status, said)
			}
		}
		for path, want := range map[string]int{
			"/CCM_Proxy_ServerAuth/AADAuthInfo":                        404,
			"/CCM_Proxy_ServerAuth/AADAuthInfo?TenantID=" + newGUID():  404,
			"/CCM_Proxy_MutualAuth/AADAuthInfo?TenantID=" + tenant:     403,
			"/CCM_Proxy_ServerAuth/Anything":                           403,
			"/CCM_Proxy_ServerAuth/ServiceMetadata/CCM_Proxy_MutualAu": 403,
		} {
			if status, _ := ask(path); status != want {
				t.Errorf("%s: %d, want %d", path, status, want)
			}
		}
		if resp, _ := mustSend(t, g.http, "POST", g.URL("https")+"/CCM_Proxy_ServerAuth/ServiceMetadata", "x"); resp.StatusCode != 405 {
			t.Errorf("POST: %d", resp.StatusCode)
		}
	}
}

func TestNewGatewayRefuses(t *testing.T) {
	g := newTestGateway(t, nil)
	for name, change := range map[string]func(*GatewayConfig){
		"no name": func(c *GatewayConfig) { c.Name = "" }, "no CA": func(c *GatewayConfig) { c.CA = nil },
		"nothing behind": func(c *GatewayConfig) { c.ManagementPoints = nil }, "body": func(c *GatewayConfig) { c.MaxBody = -1 },
		"tenant": func(c *GatewayConfig) { c.Tenant = "x" }, "application": func(c *GatewayConfig) { c.ClientApp = "x" },
		"form": func(c *GatewayConfig) { c.Form = 9 }, "content": func(c *GatewayConfig) { c.Content = &ContentServiceConfig{} },
		"everywhere": func(c *GatewayConfig) { c.Addr = "0.0.0.0:0" },
	} {
		c := g.config
		change(&c)
		if _, err := NewGateway(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
