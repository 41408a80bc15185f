package integration

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "branchpoint"

// rooms says which packages of ours a package may import outside its tests. "*" means all. A package that is not here has
// no place yet: decide where it belongs before it is used.
var rooms = map[string][]string{
	"cmd/branchpoint":         {"*"},
	"cmd/demo":                {"*"},
	"cmd/simsite":             {"*"},
	"cmd/internal/assembly":   {"*"},
	"cmd/internal/atsite":     {"configs", "tokenbroker", "tokenbroker/ccm", "tokenbroker/entra", "tokenbroker/identity", "tokenbroker/secretfile", "tokenbroker/site", "tokenbroker/windowsauth"},
	"cmd/internal/truststore": {},
	"admin":                   {"cache", "proxy", "proxy/precache", "proxy/upstream", "tokenbroker", "tokenbroker/site"},
	"proxy":                   {"proxy/content", "proxy/hop", "cache"},
	"proxy/content":           {},
	"proxy/hop":               {},
	"proxy/authority":         {"tokenbroker/secretfile"},
	"proxy/precache":          {"proxy/content", "cache", "tokenbroker/secretfile"},
	"proxy/upstream":          {"proxy/content", "proxy/hop", "cache"},
	"cache":                   {},
	"tokenbroker":             {},
	"tokenbroker/ccm":         {},
	"tokenbroker/entra":       {"tokenbroker/ccm", "tokenbroker/keypair", "tokenbroker/secretfile"},
	"tokenbroker/identity":    {"tokenbroker/ccm", "tokenbroker/keypair", "tokenbroker/secretfile"},
	"tokenbroker/keypair":     {"tokenbroker/secretfile"},
	"tokenbroker/secretfile":  {},
	"tokenbroker/site":        {"tokenbroker", "tokenbroker/ccm"},
	"tokenbroker/windowsauth": {"tokenbroker/secretfile"},
	"configs":                 {},
	"integration":             {"integration/sim"},
	"integration/sim":         {},
	"integration/bench":       {"integration/sim"},
}

// libraries says where alone a library may be used, tests included: who wants to replace it looks in one place. A folder
// stands for all packages in it.
var libraries = map[string][]string{
	"github.com/elazarl/goproxy":                                 {"proxy"},
	"github.com/AzureAD/microsoft-authentication-library-for-go": {"tokenbroker/entra"},
	"github.com/Azure/go-ntlmssp":                                {"tokenbroker/windowsauth"},
	"github.com/alexbrainman/sspi":                               {"tokenbroker/windowsauth"},
	"software.sslmate.com/src/go-pkcs12":                         {"tokenbroker/keypair", "tokenbroker/identity"},
	"github.com/gregjones/httpcache":                             {"tokenbroker/ccm"},
	"github.com/hashicorp/golang-lru":                            {"proxy", "tokenbroker"},
	"github.com/go-chi/chi":                                      {"admin"},
	"github.com/prometheus/client_golang/prometheus/promhttp":    {"admin"},
	"github.com/goccy/go-yaml":                                   {"configs"},
	"github.com/golang-jwt/jwt":                                  {"tokenbroker"},
	"github.com/gofrs/flock":                                     {"cache", "tokenbroker/identity"},
	"github.com/alecthomas/kong":                                 {"cmd"},
	"github.com/jedib0t/go-pretty":                               {"cmd"},
	"github.com/rogpeppe/go-internal/testscript":                 {"cmd"},
}

// banned says what is used nowhere outside tests, and what to do instead.
var banned = map[string]string{
	"github.com/prometheus/client_golang/prometheus/promauto": "it registers in a global; take a Registerer",
	"net/http/httputil": "its ReverseProxy re-encodes the request target; see proxy/forward.go",
	"net/http/pprof":    "it registers in a global mux",
	"expvar":            "it registers in a global mux; use a metric",
	"math/rand":         "use math/rand/v2, or crypto/rand for what must not be guessed",
}

// source is one Go file of the module.
type source struct {
	name    string // slash-separated, from the root of the module
	pkg     string // its directory
	test    bool
	imports []string
	file    *ast.File
}

func sources(t *testing.T) (all []source) {
	t.Helper()
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(name)), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s := source{name: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), file: file}
		for _, i := range file.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, imported)
		}
		all = append(all, s)
		return nil
	})
	must(t, err)
	if len(all) < 100 {
		t.Fatalf("only %d files were found: this test looks in the wrong place", len(all))
	}
	return all
}

// TestRooms checks who imports whom, in the files of every operating system.
func TestRooms(t *testing.T) {
	for _, s := range sources(t) {
		allowed, known := rooms[s.pkg]
		if !known {
			t.Errorf("%s: the package %s is not in the table of rooms", s.name, s.pkg)
			continue
		}
		for _, i := range s.imports {
			ours, ok := strings.CutPrefix(i, module+"/")
			if !ok || s.test && s.pkg != "integration/sim" || slices.Contains(allowed, "*") || slices.Contains(allowed, ours) {
				continue
			}
			t.Errorf("%s imports %s; %s may import only %q of ours", s.name, ours, s.pkg, allowed)
		}
	}
}

// TestLibraries checks that each library stays in its room.
func TestLibraries(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		for _, i := range s.imports {
			for library, homes := range libraries {
				if !within(i, library) {
					continue
				}
				used[library] = true
				if !slices.ContainsFunc(homes, func(home string) bool { return within(s.pkg, home) }) {
					t.Errorf("%s imports %s, which lives in %q", s.name, i, homes)
				}
			}
			if reason, ok := banned[i]; ok && !s.test {
				t.Errorf("%s imports %s: %s", s.name, i, reason)
			}
			if s.pkg == "cache" && !s.test && within(i, "net") {
				t.Errorf("%s imports %s: the cache knows bytes and disks, and no network", s.name, i)
			}
		}
	}
	for _, library := range []string{"github.com/elazarl/goproxy", "github.com/go-chi/chi", "github.com/goccy/go-yaml", "github.com/alecthomas/kong"} {
		if !used[library] {
			t.Errorf("nobody imports %s: is its name in the table still right?", library)
		}
	}
}

// within tells whether a package is dir or below it.
func within(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// TestForwarderIsSmall checks that goproxy stays in the one or two files that forward.
func TestForwarderIsSmall(t *testing.T) {
	var files []string
	for _, s := range sources(t) {
		if slices.Contains(s.imports, "github.com/elazarl/goproxy") && !s.test {
			files = append(files, s.name)
		}
	}
	if len(files) > 2 {
		t.Errorf("goproxy is used in %q; two files are to be enough", files)
	}
}

// TestMetadataCacheIsInOneFile checks that httpcache, which needs a guard around it, stays behind that guard.
func TestMetadataCacheIsInOneFile(t *testing.T) {
	var files []string
	for _, s := range sources(t) {
		if slices.Contains(s.imports, "github.com/gregjones/httpcache") && !s.test {
			files = append(files, s.name)
		}
	}
	if len(files) != 1 {
		t.Errorf("httpcache is used in %q; it belongs in one file", files)
	}
}

// TestNothingRunsByItself checks that no package does anything when it is imported.
func TestNothingRunsByItself(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function", s.name)
			}
		}
	}
}

// TestTopLevel checks that the first look at the repository stays a short one.
func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir("..")
	must(t, err)
	allowed := []string{"cmd", "proxy", "tokenbroker", "cache", "admin", "configs", "integration", "go.mod", "go.sum", "Dockerfile",
		"README.md", "LICENSE"}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, ".") && !slices.Contains(allowed, name) && name != module {
			t.Errorf("%s is at the top level, where only %q are", name, allowed)
		}
	}
}
