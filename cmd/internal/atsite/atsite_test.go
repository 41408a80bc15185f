package atsite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchpoint/configs"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
)

func parse(t *testing.T, text string) *configs.Config {
	t.Helper()
	return parseAlone(t, text+"\nidentity: {directory: identity}\n")
}

// parseAlone is parse for a text that says itself where the identity is.
func parseAlone(t *testing.T, text string) *configs.Config {
	t.Helper()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LocalAppData", "AppData"} {
		t.Setenv(name, t.TempDir())
	}
	path := filepath.Join(t.TempDir(), "branchpoint.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := configs.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNoSite(t *testing.T) {
	if _, err := Open(parse(t, ""), Options{}); !errors.Is(err, ErrNoSite) {
		t.Errorf("without a site: %v", err)
	}
}

// TestWays: which ways there are follows from the configuration.
func TestWays(t *testing.T) {
	const mp, bulk = "management_point: 'http://mp1'", "gateway: 'https://cmg.example.com/CCM_Proxy_MutualAuth/7', bulk_token_file: token"
	for name, c := range map[string]struct {
		site    string
		mp, cmg bool
	}{
		"management point": {mp, true, false},
		"gateway":          {bulk, false, true},
		"both":             {mp + ", " + bulk, true, true},
		"CCM token at a management point": {"management_point: 'https://mp1', directory: ccm_system_tokenauth, bulk_token_file: token",
			true, false},
		"CCM token as the token of the site": {"management_point: 'https://mp1', dp_token: {delivery: sts}, bulk_token_file: token", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Open(parse(t, "site: {code: PS1, "+c.site+"}"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if got := e.Ways[ManagementPoint] != nil; got != c.mp || (e.Keeping(ManagementPoint) != nil) != c.mp {
				t.Errorf("there is a management point: %v, want %v", got, c.mp)
			}
			if got := e.Ways[Gateway] != nil; got != c.cmg || (e.Keeping(Gateway) != nil) != c.cmg {
				t.Errorf("there is a gateway: %v, want %v", got, c.cmg)
			}
			for _, way := range []string{ManagementPoint, Gateway} {
				if one, again := e.Keeping(way), e.Keeping(way); one != again {
					t.Errorf("%s is another client each time, so that nobody sees that it is the same way", way)
				}
			}
			if e.Identity != nil || e.Manifests == nil || e.Replies == nil {
				t.Errorf("identity %v, manifests %v, replies %v", e.Identity, e.Manifests, e.Replies)
			}
		})
	}
}

// TestIdentity: the clients sign as who this machine is.
func TestIdentity(t *testing.T) {
	c := parse(t, "site: {code: PS1, management_point: 'http://mp1'}")
	if _, err := identity.Create(IdentityConfig(c)); err != nil {
		t.Fatal(err)
	}
	e, err := Open(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.Identity == nil || e.Identity.CCM() == nil || e.certificate() != nil {
		t.Errorf("identity %v; a certificate for servers: %v, want none", e.Identity, e.certificate() != nil)
	}
}

// TestEverySetting: what the configuration allows, the clients take.
func TestEverySetting(t *testing.T) {
	c := parse(t, `site:
  {code: PS1, management_point: 'http://mp1', host: BOX, fqdn: box.example.com,
  signature: {hash: sha1, authenticator: ccmclient, id_form: braces, suffix: none, without_oid: true, unnamed_key: true, raw: true, reply_compression: none},
  place: {ad_site: Branch, networks: [10.1.0.5/24]},
  locations: {attributes: {UseInternetDP: "1"}, deployment_flags: 1, unsigned: true, localities: [A], site_localities: [B], cloud_types: [C]},
  dp_token: {delivery: token-manager, paths: [A/@B], expiry_paths: [A/@C], body: <A/>, decode: hex, max_age: 1h}, ccm_token: {header: X, format: "{token}"}}
`)
	e, err := Open(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	got := clientConfig(c, nil)
	if got.Host != "BOX" || got.Registration.FQDN != "box.example.com" || got.Message.Hash != ccm.SHA1 || !got.Message.Raw || !got.Message.UnnamedKey ||
		got.Authenticator.Form != ccm.CCMClient || got.Authenticator.ID != ccm.Braced || !got.Authenticator.WithoutOID ||
		got.DPToken.Delivery != ccm.ByTokenManager || got.DPToken.Decode != ccm.Hex || got.CCMTokenHeader.Header != "X" ||
		got.Location.Attributes["UseInternetDP"] != "1" || got.Location.DeploymentFlags != 1 || !got.Location.Unsigned {
		t.Errorf("got %+v", got)
	}
	if at := e.Place(); at.ADSite != "Branch" || len(at.Networks) != 1 || at.Networks[0].String() != "10.1.0.5/24" {
		t.Errorf("the place is %+v", at)
	}
}

// TestNames: what the system calls itself is fit for messages.
func TestNames(t *testing.T) {
	c := clientConfig(parse(t, "site: {code: PS1, management_point: 'http://mp1'}"), nil)
	if c.Host == "" || len(c.Host) > 15 || c.Host != strings.ToUpper(c.Host) {
		t.Errorf("the NetBIOS name is %q", c.Host)
	}
	if c.Registration.FQDN == "" {
		t.Error("the machine has no full name")
	}
}
