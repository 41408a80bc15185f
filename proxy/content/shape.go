package content

import "strings"

// shape is the form of a content ID, which says whether the URL names a version.
type shape uint8

const (
	unknownShape shape = iota
	// barePackage is <pkgid>: what it means changes with each version of the package.
	barePackage
	// versioned is <pkgid>.<n>, Content_<guid>.<n> or <guid>.<n>.
	versioned
	// update is a bare <guid>: a software update. A new binary gets a new guid.
	update
)

// shapeOf tells the form of a folded content ID. The forms are those of client logs and of the content library; there is
// no specification.
func shapeOf(id string) shape {
	base, version, dotted := strings.Cut(id, ".")
	if dotted && !isVersion(version) {
		return unknownShape
	}
	guid, application := strings.CutPrefix(base, "content_")
	switch {
	case dotted && (isPackageID(base) || isGUID(guid)):
		return versioned
	case isPackageID(base):
		return barePackage
	case isGUID(guid) && !application:
		return update
	}
	return unknownShape
}

// isPackageID recognizes three characters of a site code and five hex digits, such as ps100015.
func isPackageID(s string) bool {
	return len(s) == 8 && only(s[:3], alphanumeric) && only(s[3:], lowerHex)
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') || !dash && !lowerHex(s[i]) {
			return false
		}
	}
	return true
}

// isVersion recognizes a decimal number without leading zeros: "01" would be a second spelling of "1", or something
// that we do not know.
func isVersion(s string) bool {
	return 0 < len(s) && len(s) <= 10 && only(s, digit) && (s[0] != '0' || s == "0")
}

func only(s string, allowed func(byte) bool) bool {
	for i := range len(s) {
		if !allowed(s[i]) {
			return false
		}
	}
	return true
}

func digit(b byte) bool        { return '0' <= b && b <= '9' }
func lowerHex(b byte) bool     { return digit(b) || 'a' <= b && b <= 'f' }
func alphanumeric(b byte) bool { return digit(b) || 'a' <= b && b <= 'z' }
