package configs

import (
	"os"
	"path/filepath"
	"time"
)

// settings returns every default that does not depend on another setting. The cache directory is empty when the system
// tells none for this user; the check then asks for one.
func settings() *Config {
	local := Listener{Name: "local", Address: "127.0.0.1:8080"}
	local.setDefaults()
	c := &Config{
		Listeners:   []Listener{local},
		Hierarchy:   "default",
		Admin:       Admin{Address: "127.0.0.1:8081"},
		Log:         Log{Level: "info", Format: "auto"},
		Entitlement: Entitlement{VerdictAge: minutes(5), Grace: minutes(24 * 60)},
		Site:        defaultSite(),
		Entra:       defaultEntra(),
		Cloud: Cloud{
			BlobHosts: []string{"*.blob.core.windows.net"},
			Manifest:  CloudManifest{File: "//File", Path: "@Path", Size: "@Size", URL: "@Url"},
		},

		TunnelIdleTimeout: minutes(10), ShutdownTimeout: seconds(30),
	}
	c.Upstream = Upstream{
		ConnectTimeout: seconds(5), ResponseTimeout: seconds(15), StallTimeout: seconds(15), GiveUpAfter: seconds(30),
		MaxConnectionsPerHost: 32, FailuresToOpen: 3, CoolDown: seconds(10), TokenEndpointPort: 443,
	}
	c.Cache = Cache{
		MaxBytes: 50 * gib, MinFreeBytes: 2 * gib, CheckAfter: minutes(1), ParallelWindows: 4, WindowBytes: 4 * mib,
	}
	c.Token = Token{
		Sources:    []TokenSource{{Type: SourceRequest}, {Type: SourceTaskSequence}, {Type: SourceManagementPoint}, {Type: SourceGateway}},
		HeaderName: "Authorization", HeaderFormat: "Bearer {token}",
		MaxAge: minutes(8 * 60), RefreshBefore: minutes(5), Vdirs: []string{"token_auth"},
	}
	if dir, err := os.UserCacheDir(); err == nil {
		c.Cache.Directory = filepath.Join(dir, "branchpoint")
	}
	return c
}

// complete fills every default that depends on another setting.
func (c *Config) complete() {
	for i := range c.Listeners {
		c.Listeners[i].complete()
	}
	for i := range c.DistributionPoints {
		c.DistributionPoints[i].complete(c.Hierarchy, c.Upstream.TokenEndpointPort)
	}
	for i, mp := range c.ManagementPoints {
		c.ManagementPoints[i] = plainURL(mp)
	}
	for i := range c.Token.Sources {
		c.Token.Sources[i].complete()
	}
	for _, names := range [][]string{c.CloudManagementGateways, c.Interception.Hosts, c.Interception.TunnelHosts, c.Cloud.BlobHosts} {
		lower(names)
	}
	c.Site.complete(c.ManagementPoints)
	c.Entra.Authority = plainURL(c.Entra.Authority)
	if c.Admin.TokenFile == "" {
		c.Admin.TokenFile = keepsake(c.Cache.Directory, "admin.token")
	}
	if c.Interception.CADirectory == "" {
		c.Interception.CADirectory = keepsake(c.Cache.Directory, "ca")
	}
	if c.Identity.Directory == "" {
		c.Identity.Directory = keepsake(c.Cache.Directory, "identity")
	}
}

// keepsake is where a secret of ours is kept: out of the cache directory, which people delete without a thought.
func keepsake(cacheDirectory, name string) string {
	if dir, err := os.UserConfigDir(); err == nil {
		return filepath.Join(dir, "branchpoint", name)
	}
	if cacheDirectory == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(cacheDirectory), name)
}

func seconds(n int) Duration { return Duration(n) * Duration(time.Second) }
func minutes(n int) Duration { return Duration(n) * Duration(time.Minute) }
