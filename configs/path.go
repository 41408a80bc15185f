package configs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// filePath is a setting that names a file or a directory.
type filePath struct {
	setting string
	name    *string
	read    bool // a file that is read and not made
}

// paths returns every path of the configuration. A program without a slash in its name is none: the system looks for it.
func (c *Config) paths() []filePath {
	list := []filePath{
		{"cache.directory", &c.Cache.Directory, false},
		{"admin.token_file", &c.Admin.TokenFile, false},
		{"interception.ca_directory", &c.Interception.CADirectory, false},
		{"identity.directory", &c.Identity.Directory, false},
		{"identity.pfx_file", &c.Identity.PFXFile, true},
		{"identity.password_file", &c.Identity.PasswordFile, true},
		{"identity.certificate_file", &c.Identity.CertificateFile, true},
		{"identity.key_file", &c.Identity.KeyFile, true},
		{"site.windows_login.password_file", &c.Site.WindowsLogin.PasswordFile, true},
		{"site.bulk_token_file", &c.Site.BulkTokenFile, true},
		{"entra.secret_file", &c.Entra.SecretFile, true},
		{"entra.certificate_file", &c.Entra.CertificateFile, true},
		{"entra.key_file", &c.Entra.KeyFile, true},
		{"entra.file", &c.Entra.File, true},
	}
	for i := range c.Listeners {
		at, tls := index("listeners", i)+".tls", &c.Listeners[i].TLS
		list = append(list, filePath{at + ".certificate_file", &tls.CertificateFile, true},
			filePath{at + ".key_file", &tls.KeyFile, true})
	}
	for i := range c.Upstream.CAFiles {
		list = append(list, filePath{index("upstream.ca_files", i), &c.Upstream.CAFiles[i], true})
	}
	for i, s := range c.Token.Sources {
		at := index("token.sources", i)
		list = append(list, filePath{at + ".file", &c.Token.Sources[i].File, true})
		list = appendProgram(list, at, s.Command)
	}
	return appendProgram(list, "entra", c.Entra.Command)
}

func appendProgram(list []filePath, at string, command []string) []filePath {
	if len(command) > 0 && filepath.Base(command[0]) != command[0] {
		list = append(list, filePath{at + ".command[0]", &command[0], false})
	}
	return list
}

// resolve makes every path absolute.
func (c *Config) resolve(base string) {
	for _, p := range c.paths() {
		if *p.name != "" && !filepath.IsAbs(*p.name) {
			*p.name = filepath.Join(base, *p.name)
		}
	}
}

// checkPaths refuses the home directory of a shell: a service has another one, or none.
func (c *Config) checkPaths(found *findings) {
	for _, p := range c.paths() {
		if strings.HasPrefix(*p.name, "~") {
			found.bad(p.setting, "%.128q begins with ~, which only a shell understands; write the whole path", *p.name)
		}
	}
}

// checkFiles reports files that are to be read and are not there.
func (c *Config) checkFiles(found *findings) {
	for _, p := range c.paths() {
		if !p.read || *p.name == "" {
			continue
		}
		info, err := os.Stat(*p.name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			found.bad(p.setting, "there is no file %s", *p.name)
		case err != nil:
			found.bad(p.setting, "%v", err)
		case !info.Mode().IsRegular():
			found.bad(p.setting, "%s is not a file", *p.name)
		}
	}
}
