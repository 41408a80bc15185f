package main

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"branchpoint/cmd/internal/truststore"
	"branchpoint/configs"
	"branchpoint/proxy/authority"
)

// caShowCmd tells of the authority.
type caShowCmd struct {
	configFlag
	JSON bool `name:"json" help:"Print it for programs."`
}

// caReport is what is to be known of the authority of a machine.
type caReport struct {
	Directory string         `json:"directory"`
	Current   caCertificate  `json:"current"`
	Next      *caCertificate `json:"next,omitempty"`     // prepared by rotate
	Previous  *caCertificate `json:"previous,omitempty"` // in use before the last rotation
	// Uncovered are names in the configuration that the current one is not good for. What Branchpoint would otherwise see
	// into is tunnelled.
	Uncovered []string `json:"uncovered"`
	// UncoveredByNext are those that the next one is not good for either.
	UncoveredByNext []string `json:"uncovered_by_next,omitempty"`
	// KeyError says why the key of the current one cannot be read by who asks. Empty: it can.
	KeyError string `json:"key_error,omitempty"`
}

// caCertificate is one certificate, and whether this machine trusts it: absent when nobody can say.
type caCertificate struct {
	authority.Description
	Trusted *bool `json:"trusted,omitempty"`
}

// Run prints the report.
func (c *caShowCmd) Run(s *streams) error {
	config, err := c.load()
	if err != nil {
		return err
	}
	store, err := truststore.Open("")
	if err != nil {
		store = nil // then nobody can say what this machine trusts
	}
	report, err := reportOf(config, store)
	if err != nil {
		return advised(err)
	}
	if c.JSON {
		encoder := json.NewEncoder(s.out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	_, err = io.WriteString(s.out, report.text(time.Now()))
	return err
}

// reportOf looks at the authority of a configuration. store may be nil.
func reportOf(config *configs.Config, store *truststore.Store) (*caReport, error) {
	certs, unread, err := authority.ReadPublic(config.Interception.CADirectory)
	if err != nil {
		return nil, err
	}
	look := func(cert *x509.Certificate) *caCertificate {
		if cert == nil {
			return nil
		}
		return &caCertificate{authority.Describe(cert), trusted(store, cert)}
	}
	names := config.AuthorityNames()
	report := &caReport{
		Directory: config.Interception.CADirectory, Current: *look(certs.Current), Next: look(certs.Next), Previous: look(certs.Previous),
		Uncovered: append([]string{}, authority.Missing(certs.Current, names)...), // a list for programs, even when it is empty
	}
	if unread != nil {
		report.KeyError = unread.Error()
	}
	if certs.Next != nil {
		report.UncoveredByNext = authority.Missing(certs.Next, names)
	}
	return report, nil
}

func (r *caReport) text(now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "The certificate authority in %s:\n%s", r.Directory, r.Current.table("no; branchpoint ca trust"))
	if r.Next != nil {
		fmt.Fprintf(&b, "\nThe next one, which branchpoint ca rotate --activate puts to use:\n%s", r.Next.table("no; branchpoint ca trust"))
	}
	if r.Previous != nil {
		fmt.Fprintf(&b, "\nThe one before, whose key is gone:\n%s", r.Previous.table("no"))
	}
	for _, advice := range r.advice(now) {
		fmt.Fprintf(&b, "\n%s\n", advice)
	}
	return b.String()
}

// advice tells what is wrong, and what to do about it.
func (r *caReport) advice(now time.Time) (list []string) {
	if r.KeyError != "" {
		list = append(list, "Its key cannot be read by you: "+r.KeyError+".\nBranchpoint sees into HTTPS where the user that it runs as can read it.")
	}
	if now.After(r.Current.NotAfter) {
		list = append(list, "It has expired: nothing is intercepted.\n"+r.remedy(nil))
	} else if r.Current.NotAfter.Sub(now) < renewBefore {
		list = append(list, fmt.Sprintf("It expires in %d days.\n%s", int(r.Current.NotAfter.Sub(now)/(24*time.Hour)), r.remedy(nil)))
	}
	if len(r.Uncovered) > 0 {
		list = append(list, "Not covered, and therefore tunnelled although the configuration names it: "+strings.Join(r.Uncovered, ", ")+".\n"+
			r.remedy(r.UncoveredByNext))
	}
	if r.Previous != nil && is(r.Previous.Trusted) {
		list = append(list, "This machine still trusts the one before. When nothing uses it any more: branchpoint ca untrust --previous.")
	}
	return list
}

// renewBefore leaves time to bring a new certificate to every client.
const renewBefore = 90 * 24 * time.Hour

// remedy tells how to get a better authority than the current one. without are names that the next one would not cover.
func (r *caReport) remedy(without []string) string {
	switch {
	case r.Next == nil:
		return "branchpoint ca rotate prepares a next one for the names in the configuration."
	case len(without) > 0:
		return "The next one does not cover " + strings.Join(without, ", ") + " either: remove ca.next.key there, and branchpoint ca rotate " +
			"prepares another one."
	}
	return "The next one is better. When all clients trust it: branchpoint ca rotate --activate."
}

func (c *caCertificate) table(untrusted string) string {
	trust := "not known"
	if is(c.Trusted) {
		trust = "yes"
	} else if c.Trusted != nil {
		trust = untrusted
	}
	return certificateTable(c.Description, table.Row{"Trusted by this machine", trust})
}

func certificateTable(d authority.Description, more ...table.Row) string {
	t := newTable()
	t.AppendRow(table.Row{"Subject", d.Subject})
	t.AppendRow(table.Row{"SHA-256", d.SHA256})
	t.AppendRow(table.Row{"Good", d.NotBefore.Format(time.DateOnly) + " to " + d.NotAfter.Format(time.DateOnly)})
	t.AppendRow(table.Row{"Names, with all below", strings.Join(d.Names, "\n")})
	t.AppendRows(more)
	return t.Render() + "\n"
}
