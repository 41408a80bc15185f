package configs

import (
	"fmt"
	"strings"
	"time"
)

const (
	// sourceLimit is how long any source of tokens may take. A command has to end before that, so that it is the command
	// that is told of.
	sourceLimit = Duration(30 * time.Second)
	// maxVariable is the longest name of a task-sequence variable, in bytes.
	maxVariable = 64
)

func (c *Config) checkSources(found *findings) {
	first := map[string]int{}
	for i, s := range c.Token.Sources {
		path := fmt.Sprintf("token.sources[%d]", i)
		if !found.required(path+".type", s.Type, "request, task_sequence, management_point, gateway, file or command") || !s.check(path, found) {
			continue
		}
		if at, twice := first[s.Type]; !twice {
			first[s.Type] = i
		} else if s.Type != SourceFile && s.Type != SourceCommand {
			// There is one of each: what clients present, what is handed in through the admin API, a site.
			found.bad(path+".type", "%s is already token.sources[%d], and can be there once; keep one", s.Type, at)
		}
	}
}

// check returns false when the type is unknown.
func (s TokenSource) check(path string, found *findings) bool {
	if !found.oneOf(path+".type", "type", s.Type, SourceRequest, SourceTaskSequence, SourceManagementPoint, SourceGateway,
		SourceFile, SourceCommand) {
		return false
	}
	for _, part := range []struct {
		key, owner string
		given      bool
	}{
		{"env", SourceTaskSequence, s.Env != ""},
		{"file", SourceFile, s.File != ""},
		{"command", SourceCommand, len(s.Command) > 0},
		{"timeout", SourceCommand, s.Timeout != 0},
	} {
		if at := path + "." + part.key; part.given && part.owner != s.Type {
			found.bad(at, "%s is for type %s only, and this is %s; remove it", part.key, part.owner, s.Type)
		} else if !part.given && part.owner == s.Type {
			found.bad(at, "type %s needs the setting %s", s.Type, part.key)
		}
	}
	if s.Env != "" && !isVariable(s.Env) {
		found.bad(path+".env", "%.64q is not the name of a variable; write one such as _SMSTSDPAuthToken", s.Env)
	}
	if len(s.Command) > 0 && s.Command[0] == "" {
		found.bad(path+".command", "the first entry is the program; write its path")
	}
	if s.Timeout >= sourceLimit {
		found.bad(path+".timeout", "%v is too long, since no source may take %v; write less, such as %v",
			s.Timeout, sourceLimit, defaultCommandTimeout)
	}
	return true
}

// isVariable recognizes a name that a task sequence and an environment can hold: printable ASCII without "=".
func isVariable(name string) bool {
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '=' }
	return len(name) <= maxVariable && !strings.ContainsFunc(name, odd)
}
