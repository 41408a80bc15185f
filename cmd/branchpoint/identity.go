package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"branchpoint/cmd/internal/atsite"
	"branchpoint/configs"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
)

// identityCmd is about who this machine is to its site.
type identityCmd struct {
	Register identityRegisterCmd `cmd:"" help:"Make this machine a client of its site: with a key of its own, or the certificate that the configuration names."`
	Show     identityShowCmd     `cmd:"" help:"Show who this machine is to its site, and how its registration stands. Never the key."`
}

// loadSite reads a configuration that has to name a site.
func (f configFlag) loadSite() (*configs.Config, error) {
	config, err := f.load()
	if err == nil && !config.Site.On() {
		err = &configError{atsite.ErrNoSite}
	}
	return config, err
}

func identityTable(d identity.Description) string {
	t := newTable()
	t.AppendRow(table.Row{"Site", d.Site})
	t.AppendRow(table.Row{"Client ID", orNone(d.SMSID)})
	t.AppendRow(table.Row{"Registration", d.State})
	if !d.Asked.IsZero() {
		t.AppendRow(table.Row{"The site said so", d.Asked.Local().Format(time.DateTime)})
	}
	t.AppendRow(table.Row{"Certificate", fmt.Sprintf("%s, %s, from the %s", d.Subject, d.Kind, d.From)})
	t.AppendRow(table.Row{"Thumbprint", d.Thumbprint})
	t.AppendRow(table.Row{"Good", d.NotBefore.Format(time.DateOnly) + " to " + d.NotAfter.Format(time.DateOnly)})
	return t.Render() + "\n"
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// registrationAdvice tells what a state asks of people. Empty: nothing.
func registrationAdvice(d identity.Description) string {
	switch d.State {
	case identity.Unregistered, string(ccm.StateReset):
		return "branchpoint identity register registers it.\n"
	case string(ccm.StatePendingApproval):
		return "An administrator has to approve " + d.SMSID + " in the console of Configuration Manager. Until then the site gives it no tokens.\n"
	case string(ccm.StatePending):
		return "The site has not worked on it yet. That takes minutes.\n"
	case string(ccm.StateRejected):
		return "The site refuses it, or an administrator has blocked it.\n"
	}
	return ""
}

// identityAdvised adds what to do about an error of the identity or its site.
func identityAdvised(err error) error {
	for _, hint := range []struct {
		err error
		do  string
	}{
		{identity.ErrNone, "branchpoint identity register makes one"},
		{ccm.ErrRefused, "a registration counts for a site only when its clock and ours agree"},
		{ccm.ErrWindowsRequired, "write site.directory: ccm_system_windowsauth and site.windows_login"},
		{ccm.ErrLogin, "compare site.windows_login with the account in the domain; without a user it is the account that the program runs as"},
		{ccm.ErrProtocol, "compare site.management_point and site.directory"},
		{ccm.ErrCertificateRequired, "name a certificate in identity, or another site.directory"},
	} {
		if errors.Is(err, hint.err) {
			return fmt.Errorf("%w; %s", err, hint.do)
		}
	}
	return err
}
