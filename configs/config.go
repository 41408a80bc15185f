// Package configs reads the one configuration file of Branchpoint, and refuses it with every mistake at once: each with
// its line, its column and what would be right.
//
// A file that says nothing, and no file at all, give a working product. A key with no value means its default.
// The file never holds a secret, only where one is to be found: a path, a command, the name of a variable.
package configs

// Config is the whole configuration. Parse and Load return it complete: every default is filled in, hosts are in lower
// case, and nothing in it contradicts anything else.
type Config struct {
	// Listeners are the addresses that clients talk to. Default: one, on 127.0.0.1:8080, for this machine.
	Listeners []Listener `yaml:"listeners"`
	// Hierarchy names the Configuration Manager hierarchy whose content is cached. Sites of different hierarchies number
	// their packages alike, so their content is kept apart by this name. Default "default".
	Hierarchy string `yaml:"hierarchy"`
	// DistributionPoints are known beforehand: they take over when the one that a client named fails. Default none: then
	// only the distribution points that clients name are used.
	DistributionPoints []DistributionPoint `yaml:"distribution_points"`
	// ManagementPoints are hosts, or URLs of hosts, that clients of every listener may reach. Default none.
	ManagementPoints []string `yaml:"management_points"`
	// CloudManagementGateways are hosts, or host:port, that clients of every listener may reach, and whose HTTPS the proxy may
	// see into: gateways, and cloud distribution points with a host of their own. Of those that a management point names over
	// plain HTTP only these are believed, and hosts in its domain. Default none.
	CloudManagementGateways []string `yaml:"cloud_management_gateways"`
	// Site says how this machine takes part in its site. Default: it does not.
	Site Site `yaml:"site"`
	// Identity says who it is there.
	Identity Identity `yaml:"identity"`
	// Entra says where a token of Microsoft Entra comes from. Default: nowhere.
	Entra Entra `yaml:"entra"`
	// Interception says which HTTPS connections the proxy sees into.
	Interception Interception `yaml:"interception"`
	// Cloud says what is known of content in the cloud.
	Cloud Cloud `yaml:"cloud"`
	// Upstream says how to talk to distribution points.
	Upstream Upstream `yaml:"upstream"`
	// Cache says where content is kept, and how much.
	Cache Cache `yaml:"cache"`
	// Entitlement says how long an answer to "may this client have that?" is good for.
	Entitlement Entitlement `yaml:"entitlement"`
	// Token says where tokens for distribution points come from and how they are presented.
	Token Token `yaml:"token"`
	// Admin is the listener for the API and the metrics.
	Admin Admin `yaml:"admin"`
	// Log says what is logged, and how.
	Log Log `yaml:"log"`
	// TunnelIdleTimeout is how long a tunnel may be silent in both directions before it is closed. Default 10m; more than
	// zero.
	TunnelIdleTimeout Duration `yaml:"tunnel_idle_timeout"`
	// ShutdownTimeout is how long running requests may take to finish when the program ends. Default 30s. Zero: they are
	// cut at once.
	ShutdownTimeout Duration `yaml:"shutdown_timeout"`
}

// Upstream says how to talk to distribution points.
type Upstream struct {
	// CAFiles are PEM files with roots that are trusted besides those of the system, such as the site's "SMS Issuing"
	// root. Default none.
	CAFiles []string `yaml:"ca_files"`
	// ConnectTimeout bounds a TCP and TLS handshake. Default 5s; more than zero.
	ConnectTimeout Duration `yaml:"connect_timeout"`
	// ResponseTimeout bounds the wait for the response header. Default 15s; more than zero.
	ResponseTimeout Duration `yaml:"response_timeout"`
	// StallTimeout bounds the wait for the next byte of a body. Default 15s; more than zero.
	StallTimeout Duration `yaml:"stall_timeout"`
	// GiveUpAfter is how long all locations of a file are tried in turn before a client gets an error. Default 30s; at
	// least ConnectTimeout.
	GiveUpAfter Duration `yaml:"give_up_after"`
	// MaxConnectionsPerHost bounds the connections to one distribution point. Default 32; 1 to 10000.
	MaxConnectionsPerHost int `yaml:"max_connections_per_host"`
	// FailuresToOpen is how many failures in a row take a distribution point out of use. Default 3; 1 to 1000.
	FailuresToOpen int `yaml:"failures_to_open"`
	// CoolDown is how long it then stays out of use. Each trial that fails then doubles that, up to five minutes (or
	// CoolDown, when that is longer). Default 10s; more than zero.
	CoolDown Duration `yaml:"cool_down"`
	// TokenEndpointPort is the HTTPS port on which a plain-HTTP distribution point takes tokens. Default 443.
	TokenEndpointPort int `yaml:"token_endpoint_port"`
}

// Cache says where content is kept, and how much.
type Cache struct {
	// Directory holds the content, what is known of it and a lock, and nothing else. One process uses it at a time. Default:
	// branchpoint in the user's cache directory.
	Directory string `yaml:"directory"`
	// MaxBytes is the budget. Default 50GiB; at least ParallelWindows times WindowBytes.
	MaxBytes Bytes `yaml:"max_bytes"`
	// MinFreeBytes is what stays free on the disk, whatever the budget says. Default 2GiB. Zero: no floor.
	MinFreeBytes Bytes `yaml:"min_free_bytes"`
	// CheckAfter is how old the last check of a file of an unversioned package may be before the distribution point is
	// asked again. Default 1m. Zero: it is asked every time.
	CheckAfter Duration `yaml:"check_after"`
	// ParallelWindows is how many windows of one file are fetched side by side. Default 4; 1 to 64.
	ParallelWindows int `yaml:"parallel_windows"`
	// WindowBytes is how much one upstream request asks for. Default 4MiB; whole MiB, 1MiB to 1GiB.
	WindowBytes Bytes `yaml:"window_bytes"`
}

// Entitlement says how long an answer to "may this client have that?" is good for.
type Entitlement struct {
	// VerdictAge is how long the answer of a distribution point is used again for the same credential and content.
	// Default 5m. Zero: it is asked every time.
	VerdictAge Duration `yaml:"verdict_age"`
	// Grace is how old a "yes" may be when no distribution point can be reached. Default 24h. Zero: nobody is served then;
	// otherwise at least VerdictAge.
	Grace Duration `yaml:"grace"`
}

// Admin is the listener for the API and the metrics.
type Admin struct {
	// Address is host:port on loopback. Default 127.0.0.1:8081. It has no TLS, so it is refused on a network.
	Address string `yaml:"address"`
	// TokenFile holds the token that changes need. It is made with a random token, readable by its owner only, when it
	// does not exist. Default: branchpoint/admin.token in the user's configuration directory; without such a directory,
	// admin.token beside the cache directory.
	TokenFile string `yaml:"token_file"`
}

// Log says what is logged, and how.
type Log struct {
	// Level is debug, info, warn or error. Default info.
	Level string `yaml:"level"`
	// Format is auto (text on a terminal, otherwise JSON), text or json. Default auto.
	Format string `yaml:"format"`
}
