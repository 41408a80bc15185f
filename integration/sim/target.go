package sim

import (
	"errors"
	"fmt"
	"strings"
)

// Vdir is one of the virtual directories of a DP, each with a way of authenticating (memdocs
// "communications-between-endpoints").
type Vdir uint8

const (
	// VdirPlain is SMS_DP_SMSPKG$ and SMS_DP_SMSSIG$, and the drive-letter directories of Configuration Manager 2007.
	VdirPlain Vdir = iota
	// VdirNoCert is the NOCERT_ alias.
	VdirNoCert
	// VdirToken is the CCMTOKENAUTH_ alias.
	VdirToken
	vdirs = iota
)

// String is the prefix that the virtual directory's name has.
func (v Vdir) String() string {
	return [...]string{"", "NOCERT_", "CCMTOKENAUTH_"}[v]
}

// area is the part of a DP that a target lies in.
type area uint8

const (
	areaContent area = iota
	areaSignature
	areaDataLib
	areaPkgLib
	areaFileLib
)

// target is a request target understood.
type target struct {
	vdir    Vdir
	vdirRaw string // as the client spelled it
	area    area
	// segment names the content, the signature file or the top of a library area, as the client spelled it.
	segment string
	// rel is the path below it, "/" between segments, no leading or trailing one.
	rel string
	// stem and query are the raw halves of the target, for the log.
	stem, query string
}

var (
	errNotVdir = errors.New("not a virtual directory of a DP")
	errClimbs  = errors.New("the path leaves the content")
)

// parseTarget understands a raw request target: origin-form or absolute-form, direct or sccm?/ spelling, any letter case,
// "$" or "%24". The target is not cleaned by anybody before, because what a proxy did to it is what is tested.
func parseTarget(raw string) (target, error) {
	t := target{}
	t.stem, t.query, _ = strings.Cut(originForm(raw), "?")
	hasQuery := strings.Contains(raw, "?")
	path := strings.TrimPrefix(unescape(t.stem), "/")
	first, rest, _ := strings.Cut(path, "/")
	if err := t.setVdir(first); err != nil {
		return t, err
	}
	if tail, found := cutSuffixFold(rest, "/sccm"); found && hasQuery && !strings.Contains(tail, "/") {
		rest = tail + "/" + strings.TrimPrefix(unescape(t.query), "/")
	}
	rest, err := tidy(rest)
	if err != nil {
		return t, err
	}
	t.segment, t.rel, _ = strings.Cut(rest, "/")
	t.setLibraryArea()
	return t, nil
}

// originForm cuts scheme and authority off an absolute-form target.
func originForm(raw string) string {
	scheme, rest, found := strings.Cut(raw, "://")
	if !found || strings.ContainsAny(scheme, "/?") {
		return raw
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		return rest[i:]
	}
	return "/"
}

func (t *target) setVdir(name string) error {
	t.vdirRaw = name
	upper := strings.ToUpper(name)
	for _, v := range []Vdir{VdirToken, VdirNoCert} {
		if rest, ok := strings.CutPrefix(upper, v.String()); ok {
			t.vdir, upper = v, rest
			break
		}
	}
	drive := strings.TrimSuffix(strings.TrimPrefix(upper, "SMS_DP_SMSPKG"), "$")
	switch {
	case upper == "SMS_DP_SMSSIG$":
		t.area = areaSignature
	case "SMS_DP_SMSPKG"+drive+"$" != upper, len(drive) > 1, drive != "" && (drive < "A" || drive > "Z"):
		return fmt.Errorf("%q: %w", name, errNotVdir)
	}
	return nil
}

func (t *target) setLibraryArea() {
	if t.area != areaContent {
		return
	}
	switch strings.ToLower(t.segment) {
	case "datalib":
		t.area = areaDataLib
	case "pkglib":
		t.area = areaPkgLib
	case "filelib":
		t.area = areaFileLib
	}
}

// tidy turns "\" to "/", drops empty and "." segments, and refuses "..".
func tidy(path string) (string, error) {
	var keep []string
	for part := range strings.SplitSeq(strings.ReplaceAll(path, `\`, "/"), "/") {
		switch part {
		case "", ".":
		case "..":
			return "", errClimbs
		default:
			keep = append(keep, part)
		}
	}
	return strings.Join(keep, "/"), nil
}

// unescape decodes percent escapes once, and leaves a "%" alone that starts none: how IIS treats a bad escape in the query
// is not public, and a lenient server shows best what a proxy sent. "+" stays "+".
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// unhex is the value of a hex digit, or -1.
func unhex(c byte) int {
	if c >= 'A' && c <= 'F' {
		c += 'a' - 'A'
	}
	return strings.IndexByte("0123456789abcdef", c)
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}
