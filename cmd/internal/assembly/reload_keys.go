package assembly

import "strings"

// effect is what becomes of a setting that differs in the file when the configuration is reloaded.
type effect uint8

const (
	unknownKey   effect = iota // a setting that somebody has forgotten here: treated like needsRestart
	reloads                    // it is in force at once
	needsRestart               // it stays as it was, and is named
)

// effectOf is the one place that says which settings can be reloaded. A key is written as in the file, with [] for any entry
// of a list.
func effectOf(key string) effect {
	switch key {
	case "site.code", // what one site has said counts for no other
		"listeners[].address", "listeners[].name", "listeners[].kind", // bound, and counted by
		"listeners[].max_connections",       // slots that exist
		"cache.directory",                   // locked, with an index in memory
		"admin.address", "admin.token_file", // bound, and read once
		"log.format",       // the logger is everywhere
		"shutdown_timeout": // the listeners have been told
		return needsRestart
	case "listeners[].distribution_point", "listeners[].entitlement", "listeners[].networks", "listeners[].allow_hosts",
		"listeners[].connect_ports", "listeners[].tls.certificate_file", "listeners[].tls.key_file", "listeners[].tls.names",
		"hierarchy", "management_points", "cloud_management_gateways",
		"distribution_points[].url", "distribution_points[].token_url", "distribution_points[].hierarchy", "distribution_points[].audience",
		"interception.ca_directory", "interception.hosts", "interception.tunnel_hosts", "cloud.blob_hosts",
		"upstream.ca_files", "upstream.connect_timeout", "upstream.response_timeout", "upstream.stall_timeout", "upstream.give_up_after",
		"upstream.max_connections_per_host", "upstream.failures_to_open", "upstream.cool_down", "upstream.token_endpoint_port",
		"cache.max_bytes", "cache.min_free_bytes", "cache.check_after", "cache.parallel_windows", "cache.window_bytes",
		"entitlement.verdict_age", "entitlement.grace",
		"token.sources[].type", "token.sources[].env", "token.sources[].file", "token.sources[].command", "token.sources[].timeout",
		"token.header_name", "token.header_format", "token.credential_headers", "token.max_age", "token.refresh_before", "token.vdirs",
		"log.level", "tunnel_idle_timeout":
		return reloads
	}
	for _, section := range []string{"site.", "identity.", "entra.", "cloud.manifest."} {
		if strings.HasPrefix(key, section) {
			return reloads
		}
	}
	return unknownKey
}
