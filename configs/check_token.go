package configs

import (
	"fmt"
	"slices"
	"strings"
)

func (c *Config) checkToken(found *findings) {
	t := c.Token
	found.header("token.header_name", t.HeaderName)
	for i, name := range t.ExtraHeaders {
		found.header(fmt.Sprintf("token.extra_headers[%d]", i), name)
	}
	if n := strings.Count(t.HeaderFormat, "{token}"); n != 1 {
		// The text is not repeated: somebody may have written a real token into it.
		found.bad("token.header_format", "{token} is in it %d times; write it once, as in \"Bearer {token}\"", n)
	}
	if strings.ContainsFunc(t.HeaderFormat, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
		found.bad("token.header_format", "it has characters that a header cannot hold; write printable ASCII")
	}
	found.positive("token.max_age", t.MaxAge)
	if t.MaxAge > 0 && t.RefreshBefore >= t.MaxAge {
		found.bad("token.refresh_before", "%v is not less than max_age, %v; a token would be old at once", t.RefreshBefore, t.MaxAge)
	}
	for i, vdir := range t.Vdirs {
		at := fmt.Sprintf("token.vdirs[%d]", i)
		if found.oneOf(at, "vdir", vdir, "plain", "no_cert", "token_auth") && slices.Contains(t.Vdirs[:i], vdir) {
			found.bad(at, "%s is there twice; keep one", vdir)
		}
	}
}

// header wants the name of a request header that may carry a credential. Those that frame or route a message may not.
func (f *findings) header(path, name string) {
	if !isHeaderName(name) {
		f.bad(path, "%q is not the name of a header; write one such as Authorization", name)
		return
	}
	switch strings.ToLower(name) {
	case "host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "keep-alive",
		"proxy-authorization", "proxy-connection", "range", "via":
		f.bad(path, "%s has a meaning of its own in HTTP and cannot carry a token; write another header", name)
	}
}

// isHeaderName recognizes a token (RFC 9110, section 5.6.2).
func isHeaderName(name string) bool {
	return name != "" && strings.Trim(name,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") == ""
}

func (c *Config) checkSources(found *findings) {
	for i, s := range c.Token.Sources {
		path := fmt.Sprintf("token.sources[%d]", i)
		if found.required(path+".type", s.Type, "request, task_sequence, file or command") {
			s.check(path, found)
		}
	}
}

func (s TokenSource) check(path string, found *findings) {
	if !found.oneOf(path+".type", "type", s.Type, SourceRequest, SourceTaskSequence, SourceFile, SourceCommand) {
		return
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
	if strings.ContainsAny(s.Env, "=\x00 ") {
		found.bad(path+".env", "%q is not the name of a variable; write one such as _SMSTSDPAuthToken", s.Env)
	}
	if len(s.Command) > 0 && s.Command[0] == "" {
		found.bad(path+".command", "the first entry is the program; write its path")
	}
}
