package assembly

import (
	"crypto/x509"
	"errors"
	"fmt"
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
	// shown is what the listeners show, in their order.
	shown []shown
}

// firstFiles reads what a configuration names when nothing was read before.
func firstFiles(c *configs.Config, log *slog.Logger) (files, error) {
	n := len(c.Listeners)
	return readFiles(&plan{config: c, paths: make([]string, n)}, files{shown: make([]shown, n)}, log)
}

// readFiles reads what the configuration of a plan names. What has not changed stays, with what it remembers; what has is added
// to the plan. An authority that we may not look for is none where there was none before: nobody misses it.
func readFiles(p *plan, was files, log *slog.Logger) (read files, err error) {
	var rootsErr, authorityErr, shownErr error
	read.roots, rootsErr = RootCAs(p.config.Upstream.CAFiles)
	read.authority, authorityErr = newAuthority(p.config)
	if errors.Is(authorityErr, errHidden) && was.authority == nil && !slices.Contains(p.changed, "interception.ca_directory") {
		log.Warn("HTTPS is tunnelled and not seen into", "error", authorityErr)
		authorityErr = nil
	}
	if authorityErr == nil {
		read.settle(was, p)
		shownErr = read.show(was, p)
	}
	return read, errors.Join(rootsErr, authorityErr, shownErr)
}

// settle keeps the roots and the authority that have not changed.
func (f *files) settle(was files, p *plan) {
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
}

// show reads what the listeners show. One that is left as it is goes on with what it has; when that is an authority that is no
// longer in use, it has to be said.
func (f *files) show(was files, p *plan) (err error) {
	for i, l := range p.config.Listeners {
		if p.untouched[i] {
			f.shown = append(f.shown, was.shown[i])
			if a := was.shown[i].authority; a != nil && a != f.authority {
				p.needs(fmt.Sprintf("%s (%s goes on with the certificate authority before)", p.paths[i], l.Address))
			}
			continue
		}
		one, oneErr := readShown(l, f.authority)
		f.shown, err = append(f.shown, one), errors.Join(err, oneErr)
		if one.otherFile(was.shown[i]) {
			p.note(p.paths[i] + ".tls.certificate_file")
		}
	}
	return err
}

// note says that something behind a setting has changed.
func (p *plan) note(path string) { p.changed = with(p.changed, path) }

// needs says that something needs a restart.
func (p *plan) needs(what string) { p.restart = with(p.restart, what) }

// with returns a sorted list with one more text, if it has not got it.
func with(list []string, text string) []string {
	if at, found := slices.BinarySearch(list, text); !found {
		return slices.Insert(list, at, text)
	}
	return list
}

func fingerprint(a *authority.Authority) string {
	if a == nil {
		return ""
	}
	return a.Description().SHA256
}
