package assembly

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"branchpoint/configs"
	"branchpoint/proxy"
	"branchpoint/proxy/authority"
)

var _ proxy.Authority = (*authority.Authority)(nil)

// errHidden says that we may not even look whether there is a certificate authority.
var errHidden = errors.New("we may not look for a certificate authority")

// newAuthority loads the certificate authority of this machine. It is nil when there is none: then everything is tunnelled.
func newAuthority(c *configs.Config) (*authority.Authority, error) {
	a, err := authority.Load(c.Interception.CADirectory)
	switch {
	case err == nil:
		return a, nil
	case errors.Is(err, authority.ErrNone):
		return nil, nil
	}
	if _, seen := os.Stat(c.Interception.CADirectory); errors.Is(seen, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: %w", errHidden, err)
	}
	return nil, fmt.Errorf("loading the certificate authority: %w", err)
}

// tellOfAuthority tells of names that the authority does not cover, or that there is none.
func tellOfAuthority(c *configs.Config, a *authority.Authority, log *slog.Logger) {
	if a == nil {
		log.Info("HTTPS is tunnelled and not seen into: there is no certificate authority; `branchpoint ca init` makes it",
			"ca_directory", c.Interception.CADirectory)
		return
	}
	if missing := a.Missing(c.AuthorityNames()); len(missing) > 0 {
		log.Warn("the certificate authority does not cover names of the configuration, so HTTPS to them is tunnelled; "+
			"`branchpoint ca rotate` makes one that does", "names", strings.Join(missing, " "))
	}
}
