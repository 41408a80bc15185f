package configs

import (
	_ "embed" // for the example
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
)

// maxFile bounds a configuration file: the example is a fortieth of that, so more is another file by mistake.
const maxFile = 256 << 10

//go:embed branchpoint.example.yaml
var example string

// Example returns the commented example file. It says every default, so it means the same as an empty file.
func Example() string { return example }

// Load reads and checks the file at path. Relative paths in the file are taken from the directory of the file, since a
// service has no working directory to speak of. A refused file is an error that is Problems.
func Load(path string) (*Config, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	c, err := Parse(text)
	if problems, ok := errors.AsType[Problems](err); ok {
		for i := range problems {
			problems[i].File = path
		}
		return nil, problems
	}
	if err != nil {
		return nil, err
	}
	base, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	c.resolve(base)
	return c, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// Parse reads and checks the text of a file. Text without settings means the defaults. A refused text is an error that is
// Problems and holds everything that is wrong.
func Parse(text []byte) (*Config, error) {
	found := newFindings()
	if len(text) > maxFile {
		found.add(Position{}, "", fmt.Sprintf("the file is larger than %v", Bytes(maxFile)))
		return nil, found.err()
	}
	root := readYAML(text, found)
	c := settings()
	binder{found}.bind(root, "", reflect.ValueOf(c).Elem())
	c.check(found)
	if err := found.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// resolve makes every path of the configuration absolute.
func (c *Config) resolve(base string) {
	paths := []*string{&c.Cache.Directory, &c.Admin.TokenFile, &c.Interception.CADirectory}
	for i := range c.Listeners {
		paths = append(paths, &c.Listeners[i].TLS.CertificateFile, &c.Listeners[i].TLS.KeyFile)
	}
	for i := range c.Upstream.CAFiles {
		paths = append(paths, &c.Upstream.CAFiles[i])
	}
	for i := range c.Token.Sources {
		paths = append(paths, &c.Token.Sources[i].File)
	}
	for _, path := range paths {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(base, *path)
		}
	}
}
