package content

import "strings"

// fileMarker is the path segment behind which a client hides the file name, in the query: <id>/sccm?/<path>. It keeps
// extensions and folder names away from the request filtering of IIS. Seen in DataTransferService.log and in BITS jobs;
// there is no specification.
const fileMarker = "sccm"

// Parse says which file of content a request asks for. scheme is "http" or "https" in any case, host is the authority
// of the request with or without a port, raw is the origin-form request target byte for byte. The second result is false
// when the request is not content: the caller then passes it through untouched and caches nothing of it.
//
// These spellings name one file and get one ID:
//   - every vdir alias: SMS_DP_SMSPKG$, NOCERT_SMS_DP_SMSPKG$, CCMTOKENAUTH_SMS_DP_SMSPKG$, and each with a drive letter
//     before the "$";
//   - <id>/sccm?/<path> and <id>/<path>;
//   - any letter case, as far as NTFS ignores it (see foldName);
//   - "/" and "\" as separators, doubled separators and "." segments;
//   - any percent-encoding of the same bytes. Path and query are decoded once each. How BITS escapes the query is not
//     public, so there a "%" without two hex digits behind it is a percent sign: "100%.exe" and "100%25.exe" are one
//     file. In the path such a "%" is an error of the client, and the request is not content.
//
// "+", ";", "&" and "#" are letters of a file name like any other; "+" is never a space. <pkgid> and <pkgid>.<n> are
// two IDs, because only the second says which version it means. Short (8.3) names and Unicode normal forms are not
// folded: a second spelling of that kind costs a second copy, and never a wrong byte.
//
// Not content: ".." in any encoding, control characters, bytes that are not UTF-8 (a DP would read them in its own code
// page, so two DPs could mean two files), characters and endings that no Windows file name has, a content ID of an
// unknown shape (which covers DataLib, PkgLib and FileLib), a query that is not the sccm?/ form, and everything that
// names a directory.
func Parse(scheme, host, raw string) (Target, bool) {
	v, ok := parseVdir(raw)
	if !ok || !requestBytes(raw) {
		return Target{}, false
	}
	scheme = strings.ToLower(scheme)
	authority, ok := HostPort(scheme, host)
	if !ok {
		return Target{}, false
	}
	id, ok := parseFile(v.share, raw[v.end:])
	if !ok {
		return Target{}, false
	}
	return Target{ID: id, Vdir: v.alias, Scheme: scheme, Host: authority, Raw: raw}, true
}

// parseFile reads what follows the vdir, which is where a share's own rules begin.
func parseFile(share Share, rest string) (ID, bool) {
	path, query, hasQuery := strings.Cut(rest, "?")
	if strings.Contains(path, "#") {
		return ID{}, false
	}
	decoded, ok := unescape(path, strict)
	if !ok {
		return ID{}, false
	}
	names, ok := splitNames(decoded)
	if !ok {
		return ID{}, false
	}
	if share == Signature {
		return parseSignature(names, query)
	}
	return parsePackage(names, query, hasQuery)
}

// parsePackage reads <id>/<path> and <id>/sccm?/<path>.
func parsePackage(names []string, query string, hasQuery bool) (ID, bool) {
	if len(names) < 2 || shapeOf(names[0]) == unknownShape {
		return ID{}, false
	}
	file := names[1:]
	if len(file) == 1 && file[0] == fileMarker {
		// Without a query this is the root directory of the content, and not a file named sccm.
		if !hasQuery {
			return ID{}, false
		}
		return parseMarked(names[0], query)
	}
	if query != "" {
		return ID{}, false
	}
	return ID{Share: Package, Content: names[0], Path: strings.Join(file, "/")}, true
}

// parseMarked reads the query of the sccm?/ form.
func parseMarked(id, query string) (ID, bool) {
	decoded, ok := unescape(query, lenient)
	if !ok {
		return ID{}, false
	}
	file, ok := splitNames(decoded)
	if !ok {
		return ID{}, false
	}
	return ID{Share: Package, Content: id, Path: strings.Join(file, "/")}, true
}

// parseSignature reads <id>.<version>.tar, the only form that is known of SMSSIG. The container belongs to that version
// of the content; the file's own name is its path.
func parseSignature(names []string, query string) (ID, bool) {
	if len(names) != 1 || query != "" {
		return ID{}, false
	}
	id, ok := strings.CutSuffix(names[0], ".tar")
	if !ok || shapeOf(id) != versioned {
		return ID{}, false
	}
	return ID{Share: Signature, Content: id, Path: names[0]}, true
}
