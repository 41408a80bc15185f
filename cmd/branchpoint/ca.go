package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"branchpoint/cmd/internal/truststore"
	"branchpoint/configs"
	"branchpoint/proxy/authority"
)

// caCmd is about the certificate authority of this machine.
type caCmd struct {
	Init    caInitCmd    `cmd:"" help:"Make one, for the names in the configuration. Branchpoint then sees into HTTPS to them."`
	Show    caShowCmd    `cmd:"" help:"Show what it is good for, and which names of the configuration it does not cover."`
	Export  caExportCmd  `cmd:"" help:"Write its certificate, for other machines to trust. The key is never exported."`
	Trust   caTrustCmd   `cmd:"" help:"Have the programs of this machine trust it. As an administrator."`
	Untrust caUntrustCmd `cmd:"" help:"Have them trust it no longer. As an administrator."`
	Rotate  caRotateCmd  `cmd:"" help:"Prepare the next one, for the names in the configuration, or put it to use."`
}

// trustTimeout is how long a distribution may take to make its list of certificates.
const trustTimeout = 2 * time.Minute

// namesOf returns the names in the configuration that an authority is for.
func namesOf(config *configs.Config) (authority.Names, error) {
	list := config.AuthorityNames()
	if len(list) == 0 {
		return authority.Names{}, &configError{errors.New("the configuration names nothing whose HTTPS could be intercepted; " +
			"write distribution_points, cloud_management_gateways, interception.hosts or tls.names of a gateway")}
	}
	names, err := authority.ParseNames(list)
	if err != nil {
		return authority.Names{}, &configError{fmt.Errorf("no certificate authority can be made for the configuration: %w", err)}
	}
	return names, nil
}

// advised adds what to do about an error of the authority.
func advised(err error) error {
	for _, hint := range []struct {
		err error
		do  string
	}{
		{authority.ErrNone, "branchpoint ca init makes one"},
		{authority.ErrExists, "branchpoint ca show tells of it, and branchpoint ca rotate prepares the next one"},
		{authority.ErrPrepared, "trust it everywhere, then branchpoint ca rotate --activate; to begin anew, remove ca.next.key there"},
		{authority.ErrNotPrepared, "branchpoint ca rotate prepares one"},
		{truststore.ErrUnknown, "branchpoint ca export writes it"},
	} {
		if errors.Is(err, hint.err) {
			return fmt.Errorf("%w; %s", err, hint.do)
		}
	}
	return err
}

// trusted tells whether this machine trusts a certificate. It is nil when nobody can say.
func trusted(store *truststore.Store, cert *x509.Certificate) *bool {
	if store == nil {
		return nil
	}
	installed, err := store.Installed(cert)
	if err != nil {
		return nil
	}
	return &installed
}

// is tells whether something is known to be so.
func is(known *bool) bool { return known != nil && *known }

// short names a certificate in a sentence.
func short(cert *x509.Certificate) string { return cert.Subject.CommonName }

func withTrustTimeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), trustTimeout)
}
