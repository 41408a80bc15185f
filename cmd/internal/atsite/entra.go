package atsite

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"branchpoint/configs"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/entra"
)

// entraTypes are what the configuration calls them.
var entraTypes = map[string]entra.Type{
	configs.EntraClientCredentials: entra.ClientCredentials, configs.EntraManagedIdentity: entra.ManagedIdentity,
	configs.EntraDeviceCode: entra.DeviceCode, configs.EntraFile: entra.File, configs.EntraCommand: entra.Command,
}

// signInEnd is how long a sign-in that nobody has done may take to be given up.
const signInEnd = 5 * time.Second

// entra makes the source of tokens of Microsoft Entra.
func (e *Ends) entra(c *configs.Config, o Options) (ccm.TokenSource, error) {
	a := c.Entra
	if a.Type == configs.EntraManagedIdentity {
		o.Dial = nil // Azure's metadata service has a link-local address, which nobody else may reach by us
	}
	t, err := e.transport(o, nil)
	if err != nil {
		return nil, err
	}
	source, err := entra.New(entra.Config{
		Type: entraTypes[a.Type], Tenant: a.Tenant, ClientID: a.ClientID, SecretFile: a.SecretFile,
		CertificateFile: a.CertificateFile, KeyFile: a.KeyFile, Resource: a.Resource, Authority: a.Authority,
		Path: a.File, Argv: a.Command, Timeout: time.Duration(a.Timeout), Transport: t, Logger: o.Log,
		CacheFile: filepath.Join(c.Identity.Directory, "entra.cache"),
		Report: func(s entra.SignIn) {
			if o.Code != nil {
				o.Code(s.String())
				return
			}
			o.Log.Warn("somebody has to sign in", "how", s.String())
		},
	})
	if err != nil {
		return nil, fmt.Errorf("entra: %w", err)
	}
	e.closers = append(e.closers, func() {
		ctx, cancel := context.WithTimeout(context.Background(), signInEnd)
		defer cancel()
		_ = source.Close(ctx) // nobody would know what to do about one that hangs
	})
	return source, nil
}
