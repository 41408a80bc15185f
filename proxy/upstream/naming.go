package upstream

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"branchpoint/proxy/content"
)

// naming finds the files of one folder by the URLs in its list.
type naming struct {
	at   content.Target
	root []string // the names in the path of the folder: the virtual directory, the content, folders
}

// maxNesting is how many folders deep a file may be. A path in Windows has no room for more.
const maxNesting = 128

// newNaming is for the folder that t names. It reports false when that is none.
func newNaming(t content.Target) (naming, bool) {
	path, query, _ := strings.Cut(t.Raw, "?")
	names, ok := splitPath(unescapeOnce(path))
	if !ok || query != "" || len(names) < 2 {
		return naming{}, false
	}
	return naming{t, names}, true
}

// below returns the path, under the root, that a URL in the list of folder names: that of the folder itself, or of what is in it.
// It reports false for everything else.
//
// Over https, too, DPs name files by http URLs, and by names of their own, so the host does not count (sccm-http-looter,
// puppetlabs-sccm; both tools replace it). The virtual directory may be another alias. A "%" that escapes nothing is a percent
// sign: whether DPs escape the names is not public. A "?" is in no name.
func (n naming) below(folder, href string) (path string, ok bool) {
	href = unescapeOnce(withoutHost(href))
	isAbsolute := strings.HasPrefix(href, "/") || strings.HasPrefix(href, `\`)
	if strings.Contains(href, "?") || !isAbsolute && strings.Contains(href, ":") {
		return "", false // another scheme
	}
	names, ok := splitPath(href)
	if !ok || len(names) > maxNesting {
		return "", false
	}
	if !isAbsolute {
		return join(folder, strings.Join(names, "/")), true
	}
	if len(names) < len(n.root) || !n.isContent(names[0], names[1]) {
		return "", false
	}
	for i := 2; i < len(n.root); i++ {
		if !strings.EqualFold(names[i], n.root[i]) {
			return "", false
		}
	}
	path = strings.Join(names[len(n.root):], "/")
	if len(path) < len(folder) || !strings.EqualFold(path[:len(folder)], folder) {
		return "", false
	}
	rest := path[len(folder):]
	if folder != "" && rest != "" && rest[0] != '/' {
		return "", false
	}
	return folder + rest, true
}

func join(folder, rest string) string {
	if folder == "" || rest == "" {
		return folder + rest
	}
	return folder + "/" + rest
}

// isContent tells whether these are the virtual directory and the content of the folder, by whatever alias.
func (n naming) isContent(vdir, id string) bool {
	if vdir == n.root[0] && id == n.root[1] {
		return true
	}
	t, ok := content.ParseFolder(n.at.Scheme, n.at.Host, "/"+url.PathEscape(vdir)+"/"+url.PathEscape(id))
	return ok && t.ID.Content == n.at.ID.Content
}

// withoutHost cuts "http://host" off.
func withoutHost(href string) string {
	scheme, rest, ok := strings.Cut(href, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return href
	}
	i := strings.IndexByte(rest, '/')
	if i < 0 {
		return "/"
	}
	return rest[i:]
}

// splitPath cuts a path into its names. It reports false when it climbs, or holds what no name does.
func splitPath(path string) (names []string, ok bool) {
	if !utf8.ValidString(path) || strings.ContainsFunc(path, unicode.IsControl) {
		return nil, false
	}
	for name := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if name == ".." {
			return nil, false
		}
		if name != "." {
			names = append(names, name)
		}
	}
	return names, true
}

// unescapeOnce decodes percent-escapes once. What is no escape stays.
func unescapeOnce(text string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "%")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		if len(after) >= 2 {
			if b, err := url.PathUnescape("%" + after[:2]); err == nil {
				out.WriteString(b)
				text = after[2:]
				continue
			}
		}
		out.WriteByte('%')
		text = after
	}
}
