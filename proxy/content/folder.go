package content

import "strings"

// ParseFolder says whether a request names a content itself or a folder in it, as the PROPFIND does with which a client
// asks for the list of files. Root and host are read as Parse reads them; the ID has no path, and is no name of a file.
// DataLib, PkgLib and FileLib are no contents.
func ParseFolder(scheme, host, raw string) (Target, bool) {
	v, ok := parseVdir(raw)
	if !ok || v.share != Package || !requestBytes(raw) {
		return Target{}, false
	}
	scheme = strings.ToLower(scheme)
	authority, ok := HostPort(scheme, host)
	if !ok {
		return Target{}, false
	}
	path, query, _ := strings.Cut(raw[v.end:], "?")
	decoded, ok := unescape(path, strict)
	if !ok || query != "" {
		return Target{}, false
	}
	names, ok := splitNames(strings.TrimRight(decoded, `/\`))
	if !ok || len(names) == 0 || shapeOf(names[0]) == unknownShape {
		return Target{}, false
	}
	return Target{ID: ID{Content: names[0]}, Vdir: v.alias, Scheme: scheme, Host: authority, Raw: raw}, true
}
