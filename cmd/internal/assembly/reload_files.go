package assembly

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"slices"

	"branchpoint/configs"
	"branchpoint/proxy/authority"
)

// files are what the configuration names and a reload reads again.
type files struct {
	// roots verify distribution points. Nil means those of the system.
	roots *x509.CertPool
	// authority makes certificates; nil when this machine has none.
	authority *authority.Authority
}

// readFiles returns what it can when it fails. An authority that we may not look for is none where blind says so: nobody misses
// it.
func readFiles(c *configs.Config, blind bool, log *slog.Logger) (read files, err error) {
	var rootsErr, authorityErr error
	read.roots, rootsErr = rootCAs(c.Upstream.CAFiles)
	read.authority, authorityErr = newAuthority(c)
	if blind && errors.Is(authorityErr, errHidden) {
		log.Warn("HTTPS is tunnelled and not seen into", "error", authorityErr)
		authorityErr = nil
	}
	return read, errors.Join(rootsErr, authorityErr)
}

// blind tells whether a configuration looks for an authority where none was found so far.
func (f files) blind(was, is *configs.Config) bool {
	return f.authority == nil && was.Interception.CADirectory == is.Interception.CADirectory
}

// settle keeps what has not changed, with what it remembers, and adds what has to the plan.
func (f files) settle(was files, p *plan) files {
	if f.roots.Equal(was.roots) {
		f.roots = was.roots
	} else {
		p.note("upstream.ca_files")
	}
	if fingerprint(f.authority) == fingerprint(was.authority) {
		f.authority = was.authority
	} else {
		p.note("interception.ca_directory")
	}
	return f
}

// note says that something behind a setting has changed.
func (p *plan) note(path string) {
	if at, found := slices.BinarySearch(p.changed, path); !found {
		p.changed = slices.Insert(p.changed, at, path)
	}
}

func fingerprint(a *authority.Authority) string {
	if a == nil {
		return ""
	}
	return a.Description().SHA256
}
