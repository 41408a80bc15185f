package sim

import (
	"fmt"
	"strings"
)

// answerPlace is where an answer has a value; see STSSettings.Reply.
type answerPlace struct {
	kind string   // "body", "json", "xml" or "header"
	path []string // names; the last of an XML path may begin with "@"
}

func parsePlace(text string) (answerPlace, error) {
	kind, rest, _ := strings.Cut(text, ":")
	p := answerPlace{kind: kind, path: []string{rest}}
	switch kind {
	case "body":
		if rest != "" {
			return p, fmt.Errorf("the place %q has a name that a body has not", text)
		}
		return p, nil
	case "json":
		p.path = strings.Split(rest, ".")
	case "xml":
		p.path = strings.Split(rest, "/")
	case "header":
	default:
		return p, fmt.Errorf("the place %q is none of body, json:…, xml:… and header:…", text)
	}
	for i, name := range p.path {
		if kind == "xml" && i > 0 && i == len(p.path)-1 {
			name = strings.TrimPrefix(name, "@")
		}
		if !isXMLName(name) {
			return p, fmt.Errorf("the place %q has a name that is none", text)
		}
	}
	return p, nil
}
