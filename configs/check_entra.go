package configs

import "slices"

// checkEntra wants what each type of source needs, and nothing else.
func (c *Config) checkEntra(found *findings) {
	e := c.Entra
	if !found.oneOf("entra.type", "type", e.Type, EntraNone, EntraClientCredentials, EntraManagedIdentity, EntraDeviceCode, EntraFile, EntraCommand) {
		return
	}
	for _, part := range []struct {
		key    string
		given  bool
		owners []string
	}{
		{"tenant", e.Tenant != "", []string{EntraClientCredentials, EntraDeviceCode}},
		{"client_id", e.ClientID != "", []string{EntraClientCredentials, EntraDeviceCode, EntraManagedIdentity}},
		{"secret_file", e.SecretFile != "", []string{EntraClientCredentials}},
		{"certificate_file", e.CertificateFile != "", []string{EntraClientCredentials}},
		{"file", e.File != "", []string{EntraFile}},
		{"command", len(e.Command) > 0, []string{EntraCommand}},
	} {
		owns, at := slices.Contains(part.owners, e.Type), "entra."+part.key
		optional := part.key == "secret_file" || part.key == "certificate_file" || part.key == "client_id" && e.Type == EntraManagedIdentity
		if part.given && !owns {
			found.bad(at, "%s is not for type %s; remove it", part.key, e.Type)
		} else if !part.given && owns && !optional {
			found.bad(at, "type %s needs the setting %s", e.Type, part.key)
		}
	}
	if e.Type == EntraClientCredentials && (e.SecretFile == "") == (e.CertificateFile == "") {
		found.bad("entra.secret_file", "type %s needs secret_file or certificate_file; write one of them", e.Type)
	}
	found.pair("entra", "certificate_file", "key_file", e.CertificateFile, e.KeyFile)
	found.required("entra.resource", e.Resource, "https://ConfigMgrService")
	if e.Type == EntraClientCredentials || e.Type == EntraDeviceCode {
		found.url("entra.authority", e.Authority, "https")
	}
	if len(e.Command) > 0 && e.Command[0] == "" {
		found.bad("entra.command", "the first entry is the program; write its path")
	}
	found.positive("entra.timeout", e.Timeout)
	if c.Site.BulkTokenFile != "" && e.Type != EntraNone {
		found.bad("site.bulk_token_file", "there is an Entra token already, by entra.type %s; keep one of them", e.Type)
	}
}
