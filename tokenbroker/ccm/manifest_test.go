package ccm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// listOf is a list in the default schema.
func listOf(files ...string) string {
	return `<?xml version="1.0" encoding="utf-8"?><ContentManifest xmlns="urn:x">` + strings.Join(files, "") + `</ContentManifest>`
}

func fileOf(path, size, url string) string {
	return `<File Path="` + path + `" Size="` + size + `" Url="` + url + `"/>`
}

// shown is a list with everything that may be shown, and whether each URL is the one of its file.
func shown(files []CloudFile) string {
	var lines []string
	for _, f := range files {
		lines = append(lines, fmt.Sprintf("%s %d %v", f.Path, f.Size, f.URL.Reveal() == signedURL(f.Path)))
	}
	return strings.Join(lines, ", ")
}

func signedURL(path string) string { return "https://store.example.org/c/" + path + "?sig=" + canary }

// readManifest reads a list by those settings.
func readManifest(body []byte, settings ManifestSettings) ([]CloudFile, error) {
	rules, err := settings.rules()
	if err != nil {
		return nil, err
	}
	return rules.read(body)
}

func TestReadManifest(t *testing.T) {
	good := fileOf("setup.exe", "12", signedURL("setup.exe"))
	for _, c := range []struct {
		name     string
		body     string
		settings ManifestSettings
		want     string // "" is an error
		says     string
	}{
		{"usual", listOf(good, fileOf(`lang\en\x.mui`, "0", signedURL("lang/en/x.mui"))), ManifestSettings{}, "setup.exe 12 true, lang/en/x.mui 0 true", ""},
		{"letter case of names", `<M><FILE PATH="a" size="1" URL="` + signedURL("a") + `"/></M>`, ManifestSettings{}, "a 1 true", ""},
		{"slash in front", listOf(fileOf("/a", "1", signedURL("a"))), ManifestSettings{}, "a 1 true", ""},
		{"in UTF-16", string(utf16le("\ufeff"+listOf(good), true)), ManifestSettings{}, "setup.exe 12 true", ""},
		{"in folders", `<M><Folder Name="x">` + good + `</Folder></M>`, ManifestSettings{}, "setup.exe 12 true", ""},
		{"as children", `<M><E><N>a</N><Data Length="7"><Blob>` + signedURL("a") + `</Blob></Data></E><File/></M>`,
			ManifestSettings{File: "M/E", Path: "N", Size: "Data/@Length", URL: "//Blob"}, "a 7 true", ""},
		{"nothing", "", ManifestSettings{}, "", "not one root"},
		{"a page", "<html><body>Sign in<br></body></html>", ManifestSettings{}, "", "not well-formed"},
		{"another schema", `<M><Blob Name="a" Secret="` + canary + `"/></M>`, ManifestSettings{}, "", `no file at "//File"`},
		{"no path", listOf(fileOf("", "1", signedURL("a"))), ManifestSettings{}, "", `file 1 of the list: what is at "@Path"`},
		{"out of the content", listOf(good, fileOf("a/../../b", "1", signedURL("b"))), ManifestSettings{}, "", `file 2 of the list: what is at "@Path"`},
		{"out of the content by the other separator", listOf(fileOf(`..\b`, "1", signedURL("b"))), ManifestSettings{}, "", `at "@Path"`},
		{"empty segment", listOf(fileOf("a//b", "1", signedURL("b"))), ManifestSettings{}, "", `at "@Path"`},
		{"control character", listOf(fileOf("a&#10;b", "1", signedURL("b"))), ManifestSettings{}, "", `at "@Path"`},
		{"no size", listOf(fileOf("a", "", signedURL("a"))), ManifestSettings{}, "", `at "@Size"`},
		{"negative size", listOf(fileOf("a", "-1", signedURL("a"))), ManifestSettings{}, "", `at "@Size"`},
		{"size with a sign", listOf(fileOf("a", "+1", signedURL("a"))), ManifestSettings{}, "", `at "@Size"`},
		{"size beyond all", listOf(fileOf("a", "9223372036854775808", signedURL("a"))), ManifestSettings{}, "", `at "@Size"`},
		{"no URL", listOf(fileOf("a", "1", "")), ManifestSettings{}, "", `at "@Url"`},
		{"URL in the clear", listOf(fileOf("a", "1", "http://store/"+canary)), ManifestSettings{}, "", `at "@Url"`},
		{"URL with a user", listOf(fileOf("a", "1", "https://u:"+canary+"@store/a")), ManifestSettings{}, "", `at "@Url"`},
		{"twice", listOf(good, good), ManifestSettings{}, "", "file 2 of the list: it names a file twice"},
		{"document type", `<!DOCTYPE M [<!ENTITY x "` + canary + `">]>` + listOf(good), ManifestSettings{}, "", "document type"},
		{"too deep", strings.Repeat("<a>", maxDepth+1) + good, ManifestSettings{}, "", "nest too deep"},
		{"too many", "<M>" + strings.Repeat("<a/>", maxElements+1) + "</M>", ManifestSettings{}, "", "too many"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files, err := readManifest([]byte(c.body), c.settings)
			if got := shown(files); c.want != "" && (err != nil || got != c.want) {
				t.Errorf("read as %q (%v), want %q", got, err, c.want)
			}
			if c.want == "" && (err == nil || len(files) != 0 || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("read as %q with the error %v, want one about %q", shown(files), err, c.says)
			}
			clean(t, "the list", files, canary)
			clean(t, "the error", err, canary)
			if e, ok := errors.AsType[*ManifestError](err); err != nil && !ok {
				t.Errorf("%T is no *ManifestError", err)
			} else if ok {
				clean(t, "the names", e.Names, canary)
			}
		})
	}
}

// TestManifestNames checks that an administrator is told what a list has where the settings do not fit it.
func TestManifestNames(t *testing.T) {
	_, err := readManifest([]byte(`<M V="1"><Blob Name="a"/><Blob Name="b"><Sas/></Blob></M>`), ManifestSettings{})
	e, ok := errors.AsType[*ManifestError](err)
	if want := []string{"M/@V", "M/Blob", "M/Blob/@Name", "M/Blob/Sas"}; !ok || !slices.Equal(e.Names, want) {
		t.Errorf("the names are %q (%v), want %q", e.Names, err, want)
	}
}

func TestManifestSettings(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings ManifestSettings
		says     string
	}{
		{"zero", ManifestSettings{}, ""},
		{"all", ManifestSettings{File: "A/B", Path: "//N", Size: "S/@V", URL: "/U"}, ""},
		{"an attribute for a file", ManifestSettings{File: "//@File"}, "no attribute"},
		{"no name", ManifestSettings{File: "a b"}, "a path is like"},
		{"no place", ManifestSettings{Size: "@"}, `"@" is no place`},
		{"too many skips", ManifestSettings{URL: "//a//b//c"}, "is no place"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.settings.Validate()
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want one about %q", err, c.says)
			}
			if _, readErr := readManifest([]byte(listOf()), c.settings); readErr == nil || err != nil && readErr.Error() != err.Error() {
				t.Errorf("a list reads with %v", readErr)
			}
		})
	}
}

func FuzzReadManifest(f *testing.F) {
	f.Add(listOf(fileOf("setup.exe", "12", signedURL("setup.exe"))), "//File", "@Path")
	f.Add(`<M><E><N>a</N><File Path="b" Size="1" Url="https://x/y"/></E></M>`, "M/E", "//N")
	f.Add("\xff\xfe<\x00M\x00/\x00>\x00", "*", "*/@*")
	f.Fuzz(func(t *testing.T, body, file, path string) {
		files, err := readManifest([]byte(body), ManifestSettings{File: file, Path: path})
		if (err == nil) == (len(files) == 0) {
			t.Fatalf("%d files with the error %v", len(files), err)
		}
		for _, one := range files {
			climbs := strings.HasPrefix(one.Path, "/") || strings.Contains("/"+one.Path+"/", "/../") || strings.Contains(one.Path, `\`)
			if climbs || one.Size < 0 || !strings.HasPrefix(strings.ToLower(one.URL.Reveal()), "https://") {
				t.Errorf("a file is %q, %d bytes", one.Path, one.Size)
			}
		}
	})
}
