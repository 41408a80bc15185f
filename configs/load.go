package configs

import (
	_ "embed" // for the example
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
	c, _, err := load(path)
	return c, err
}

// Check reads and checks the file at path as Load does, and wants the files to be there that it tells us to read. Load leaves
// that to those who open them: one may come later, and whoever asks how a service is doing may see none of them.
func Check(path string) error {
	c, found, err := load(path)
	if err != nil {
		return err
	}
	c.checkFiles(found)
	return found.err()
}

func load(path string) (*Config, *findings, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	found := newFindings(path)
	c, err := parse(text, found)
	if err != nil {
		return nil, nil, err
	}
	base, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	c.resolve(base)
	return c, found, nil
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
func Parse(text []byte) (*Config, error) { return parse(text, newFindings("")) }

func parse(text []byte, found *findings) (*Config, error) {
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
