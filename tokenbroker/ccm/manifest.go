package ccm

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// CloudFile is one file in the list of a content that a cloud distribution point gives.
type CloudFile struct {
	// Path is where the file is in the content, with "/" between its segments.
	Path string
	// Size is its length in bytes.
	Size int64
	// URL is where its bytes are, https, with the signature that opens it to whoever has it.
	URL Secret
}

// ManifestSettings say where the list of a content from a cloud distribution point, which Microsoft calls its content XML,
// has what. Nothing of its schema is public: an administrator who has seen one completes them.
type ManifestSettings struct {
	// File is where the elements are that stand for a file each: "Root/Child", "//Name". Empty is "//File".
	File string
	// Path, Size and URL are where such an element has the path of its file, its length in bytes and its signed URL:
	// "@Attribute", "Child", "Child/@Attribute", "//Name", from the element on. Empty is "@Path", "@Size" and "@Url".
	Path, Size, URL string
}

func (s ManifestSettings) withDefaults() ManifestSettings {
	set(&s.File, "//File")
	set(&s.Path, "@Path")
	set(&s.Size, "@Size")
	set(&s.URL, "@Url")
	return s
}

// Validate says what is wrong with the settings.
func (s ManifestSettings) Validate() error {
	_, err := s.rules()
	return err
}

// manifestRules are settings that have been checked.
type manifestRules struct {
	ManifestSettings
	file, path, size, url path
}

func (s ManifestSettings) rules() (r manifestRules, err error) {
	r.ManifestSettings = s.withDefaults()
	if r.file, err = parsePath(r.File); err == nil && r.file.attribute != "" {
		err = errors.New("a file is an element and no attribute")
	}
	if err != nil {
		return r, fmt.Errorf("list of cloud content: %w", err)
	}
	for _, below := range []struct {
		text string
		to   *path
	}{{r.Path, &r.path}, {r.Size, &r.size}, {r.URL, &r.url}} {
		if *below.to, err = parsePath("*/" + strings.TrimPrefix(below.text, "/")); err != nil {
			return r, fmt.Errorf("list of cloud content: %q is no place in a file's element: %w", below.text, errPath)
		}
	}
	return r, nil
}

// ManifestError is a list of cloud content that does not read. Its text holds nothing of the list.
type ManifestError struct {
	// Reason is what is wrong.
	Reason string
	// Names are the elements and attributes that the list has, without their values: what is needed to complete the settings.
	// There are none where it is no XML.
	Names []string
}

// Error is the reason.
func (e *ManifestError) Error() string { return e.Reason }

// Unwrap says that the reason may be shown.
func (e *ManifestError) Unwrap() error { return flaw(e.Reason) }

// read reads the list of a content. It takes all of it or nothing: a file that is left out would be missed only by whoever needs it.
// A list without files is an error too, since that is what wrong settings give. Document types are refused, and the number of
// elements is limited, so that a list has at most 65,535 files. An error is a *ManifestError.
func (r manifestRules) read(body []byte) ([]CloudFile, error) {
	text, err := decodeAny(body)
	if err != nil {
		return nil, &ManifestError{Reason: describe(err)}
	}
	root, err := parseXML(text)
	if err != nil {
		return nil, &ManifestError{Reason: describe(err)}
	}
	files, err := r.files(root)
	if err != nil {
		return nil, &ManifestError{Reason: describe(err), Names: vocabulary{}.unknown(root)}
	}
	return files, nil
}

func (r manifestRules) files(root *element) (files []CloudFile, err error) {
	seen := map[string]bool{}
	r.file.each([]*element{root}, func(e *element) {
		if err != nil {
			return
		}
		var f CloudFile
		if f, err = r.one(e); err == nil && seen[f.Path] {
			err = flaw("it names a file twice")
		}
		if err != nil {
			err = flaw(fmt.Sprintf("file %d of the list: %s", len(files)+1, describe(err)))
			return
		}
		seen[f.Path] = true
		files = append(files, f)
	})
	if err == nil && len(files) == 0 {
		err = flaw(fmt.Sprintf("the list has no file at %q", r.File))
	}
	return files, err
}

// one reads the element of one file.
func (r manifestRules) one(e *element) (f CloudFile, err error) {
	at := func(p path) string { return first([]path{p}, e) }
	if f.Path, err = cloudPath(at(r.path)); err != nil {
		return f, flaw(fmt.Sprintf("what is at %q is no path in the content", r.Path))
	}
	// Digits only, and no more than fit: a size that does not parse must not pass for 0.
	size := at(r.size)
	if f.Size = int64(number(size, 63)); f.Size == 0 && strings.Trim(size, "0") != "" || size == "" {
		return f, flaw(fmt.Sprintf("what is at %q is no size in bytes", r.Size))
	}
	if f.URL, err = blobURL(at(r.url)); err != nil {
		return f, flaw(fmt.Sprintf("what is at %q is no https URL", r.URL))
	}
	return f, nil
}

var errNoPath = errors.New("no path")

// cloudPath folds the two separators, and refuses what leads out of the content.
func cloudPath(text string) (string, error) {
	p := strings.TrimPrefix(strings.ReplaceAll(text, `\`, "/"), "/")
	if len(p) > maxCloudPath || strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errNoPath
	}
	for segment := range strings.SplitSeq(p, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return "", errNoPath
		}
	}
	return p, nil
}

// maxCloudPath is as long as Windows lets a path be, in characters of up to four bytes.
const maxCloudPath = 4 * 32767

// blobURL checks where a file's bytes are said to be. A signed URL opens the file to whoever sees it, so that it has to be
// https.
func blobURL(text string) (Secret, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Contains(text, "#") {
		return Secret{}, errSecret
	}
	return NewSecret(text)
}

// each calls visit for each element at the path, in the order of the document. chain leads to where it looks, from the root.
func (p path) each(chain []*element, visit func(*element)) {
	e := chain[len(chain)-1]
	if p.ends(chain) {
		visit(e)
	}
	for _, c := range e.children {
		p.each(append(chain, c), visit)
	}
}
