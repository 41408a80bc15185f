package configs

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// readYAML turns text into nodes. The YAML library reads the syntax and nothing more, because its decoder stops at the
// first mistake; no other file knows it. What a configuration does not need of YAML (anchors, aliases, merge keys, tags,
// several documents) is refused, since it hides where a value comes from.
func readYAML(text []byte, found *findings) node {
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var where yaml.Error
		if errors.As(err, &where) {
			found.add(place(where.GetToken()), "", "this is not YAML: "+where.GetMessage())
			return node{}
		}
		found.add(Position{}, "", "this is not YAML: "+err.Error())
		return node{}
	}
	var root node
	for i, document := range file.Docs {
		if i > 0 && document.Body != nil {
			found.add(place(document.Body.GetToken()), "", "a second document; a configuration file is one document")
			continue
		}
		root = convert(document.Body, found)
	}
	return root
}

func place(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{}
	}
	return Position{Line: t.Position.Line, Column: t.Position.Column}
}

func convert(n ast.Node, found *findings) node {
	if n == nil {
		return node{}
	}
	at := place(n.GetToken())
	switch n := n.(type) {
	case *ast.NullNode, *ast.CommentGroupNode:
		return node{at: at}
	case *ast.MappingNode:
		return convertMapping(n.Values, found)
	case *ast.MappingValueNode:
		return convertMapping([]*ast.MappingValueNode{n}, found)
	case *ast.SequenceNode:
		out := node{kind: list, at: at}
		for _, item := range n.Values {
			out.items = append(out.items, convert(item, found))
		}
		return out
	case *ast.LiteralNode:
		return node{kind: scalar, at: at, text: n.Value.Value}
	case *ast.StringNode:
		return node{kind: scalar, at: at, text: n.Value}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return node{kind: scalar, at: at, text: n.GetToken().Value}
	}
	found.add(at, "", fmt.Sprintf("%s: not used in this file; write the value itself", n.Type().YAMLName()))
	return node{at: at}
}

func convertMapping(values []*ast.MappingValueNode, found *findings) node {
	out := node{kind: mapping}
	for _, value := range values {
		if out.at == (Position{}) {
			out.at = place(value.Key.GetToken())
		}
		key := value.Key.GetToken()
		if _, ok := value.Key.(*ast.StringNode); !ok {
			found.add(place(key), "", "this key is not a plain word")
			continue
		}
		out.fields = append(out.fields, field{key: key.Value, at: place(key), value: convert(value.Value, found)})
	}
	return out
}

// Marshal writes c as a file that Parse reads back as c. There is no secret in it to hide.
func Marshal(c *Config) ([]byte, error) {
	out, err := yaml.MarshalWithOptions(c, yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	return out, nil
}

// AdminAddress is where the file at path says that the admin API is, whatever else is wrong with the file: a program that runs goes
// on with the one before. Empty: it cannot be told.
func AdminAddress(path string) string {
	text, err := readFile(path)
	if err != nil {
		return ""
	}
	var c struct {
		Admin Admin `yaml:"admin"`
	}
	c.Admin = settings().Admin
	if err := yaml.Unmarshal(text, &c); err != nil {
		return ""
	}
	return c.Admin.Address
}
