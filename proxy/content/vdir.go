package content

import "strconv"

// String names the share: "package", "signature" or "blob".
func (s Share) String() string {
	switch s {
	case Package:
		return "package"
	case Signature:
		return "signature"
	case Blob:
		return "blob"
	}
	return "share(" + strconv.Itoa(int(s)) + ")"
}

// String names the alias: "plain", "no_cert" or "token_auth".
func (v Vdir) String() string {
	switch v {
	case Plain:
		return "plain"
	case NoCert:
		return "no_cert"
	case TokenAuth:
		return "token_auth"
	}
	return "vdir(" + strconv.Itoa(int(v)) + ")"
}

// prefix is what the alias puts before the name of the virtual directory.
func (v Vdir) prefix() string {
	switch v {
	case NoCert:
		return "NOCERT_"
	case TokenAuth:
		return "CCMTOKENAUTH_"
	}
	return ""
}

// vdirName is the first segment of a raw target.
type vdirName struct {
	alias Vdir
	share Share
	// name and end are offsets in the raw target: raw[1:name] is the alias prefix as the client spelled it, and raw[:end]
	// ends with the "$".
	name, end int
}

// parseVdir reads the virtual directory at the start of a raw target, whatever its letter case and percent-encoding.
func parseVdir(raw string) (vdirName, bool) {
	if raw == "" || raw[0] != '/' {
		return vdirName{}, false
	}
	c := cursor{text: raw, pos: 1}
	v := vdirName{alias: c.alias()}
	v.name = c.pos
	if !c.eat("SMS_DP_SMS") {
		return vdirName{}, false
	}
	switch {
	case c.eat("PKG"):
		c.eatLetter() // the drive, in the vdirs of Configuration Manager 2007
	case c.eat("SIG"):
		v.share = Signature
	default:
		return vdirName{}, false
	}
	if !c.eat("$") {
		return vdirName{}, false
	}
	v.end = c.pos
	return v, true
}

// WithVdir returns Raw with its alias replaced by v and every other byte kept. A Raw that names no virtual directory of
// a DP is returned as it is.
func (t Target) WithVdir(v Vdir) string {
	at, ok := parseVdir(t.Raw)
	if !ok || at.alias == v {
		return t.Raw
	}
	return "/" + v.prefix() + t.Raw[at.name:]
}
