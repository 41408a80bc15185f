package precache

import (
	"strings"
	"testing"

	"branchpoint/proxy/content"
)

// FuzzFileIn checks that a listed path either is a file of that content, under the name that a client gives it, or nothing.
func FuzzFileIn(f *testing.F) {
	for _, seed := range []string{
		"setup.exe", "a/b/c.txt", "Größe 100%.txt", "a b+c;d&e#f?g.txt", "../x", "a/../../PS100016/x", `a\b`, "a/./b", "/a", "a/", "", "a:b", "%2e%2e/x", "x\x00y", "\xff",
		"sccm", "sccm?/x", strings.Repeat("a/", 200) + "b",
	} {
		f.Add(seed)
	}
	folder, ok := content.ParseFolder("https", "DP1", "/CCMTOKENAUTH_SMS_DP_SMSPKG$/PS100015")
	if !ok {
		f.Fatal("the folder is none")
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, ok := fileIn(folder, path)
		if !ok {
			return
		}
		if got.ID.Content != "ps100015" || got.ID.Share != content.Package || got.Host != "dp1:443" {
			t.Fatalf("%q is %v", path, got)
		}
		if strings.ContainsAny(path, `\`) || strings.Contains(path, "//") || strings.HasPrefix(path, "/") || strings.Contains("/"+path+"/", "/./") {
			return // spellings of another path
		}
		if want := strings.ToLower(path); isASCII(path) && got.ID.Path != want {
			t.Errorf("%q is the file %q", path, got.ID.Path)
		}
	})
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) }

// FuzzBlob checks that no error repeats what may be a signature.
func FuzzBlob(f *testing.F) {
	w := newWorld(nil)
	m := &Jobs{config: Config{Origins: w, Storage: isStorage}}
	for _, seed := range []string{
		"https://acct.blob.core.windows.net/c/a?sig=", "https://", "", "http://x/", "https://me@acct.blob.core.windows.net/?",
		"https://x.example/c/a?sig=", "https://acct.blob.core.windows.net#",
	} {
		f.Add(seed, "&se=2030-01-01")
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		got, err := m.blob(CloudFile{"a", 1, signed(before + canary + after)})
		if err == nil {
			if got.Scheme != "https" || got.ID.Share != content.Blob || !strings.Contains(got.Host, ".blob.core.windows.net") {
				t.Errorf("%q leads to %v", before, got)
			}
			return
		}
		if strings.Contains(before, "?") && strings.Contains(err.Error(), canary) {
			t.Errorf("%v", err)
		}
	})
}

func TestDistinct(t *testing.T) {
	make := func(path string, size int64) *file {
		f := newFile(path, size)
		f.target, _ = fileIn(content.Target{Scheme: "http", Host: "dp1:80", Raw: "/SMS_DP_SMSPKG$/PS100015", ID: content.ID{Content: "ps100015"}}, path)
		return f
	}
	got := ""
	for _, f := range distinct([]*file{make("b", 5), make("A", 5), make("a", 5), make("c", 1), make("x:y", 1), make("x:y", 1)}) {
		got += f.path + " "
	}
	if got != "c x:y A b " {
		t.Errorf("the files are %s", got)
	}
}

func TestNewFile(t *testing.T) {
	for size, refused := range map[int64]bool{0: false, 1: false, maxFileSize: false, -1: true, maxFileSize + 1: true, -1 << 63: true} {
		f := newFile("a\x1b[2Jb", size)
		if (f.result == ResultFailed) != refused || f.path != "a [2Jb" || f.size < 0 || f.size > maxFileSize {
			t.Errorf("of %d bytes: %+v", size, f.show())
		}
	}
}

func TestClip(t *testing.T) {
	if got := clip("a\r\nb\u202ec", 100); got != "a  b c" {
		t.Errorf("it is %q", got)
	}
	if got := clip(strings.Repeat("ö", 300), 401); got != strings.Repeat("ö", 200)+"…" {
		t.Errorf("it is %q", got)
	}
}
