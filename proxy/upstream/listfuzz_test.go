package upstream

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"branchpoint/proxy/content"
)

// checkNames says what a list must not lead to.
func checkNames(t *testing.T, items []item, most int) {
	if len(items) > most {
		t.Errorf("%d lines, want at most %d", len(items), most)
	}
	at, _ := content.ParseFolder("http", "dp", shelfRoot)
	top, _ := newNaming(at)
	for _, it := range items {
		if it.size < 0 && !it.folder {
			t.Errorf("a file %q of %d bytes", it.href, it.size)
		}
		path, ok := top.below("", it.href)
		if !ok || path == "" {
			continue
		}
		for name := range strings.SplitSeq(path, "/") {
			if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "\\\x00\r\n") {
				t.Errorf("%q is %q", it.href, path)
			}
		}
		if again, ok := top.below("", shelfRoot+"/"+escapePath(path)); !ok && !strings.Contains(path, "?") || ok && again != path {
			t.Errorf("%q is %q, which asked for would be %q", it.href, path, again)
		}
	}
}

func FuzzMultistatus(f *testing.F) {
	f.Add([]byte(multistatus(line(shelfRoot+"/"), line(shelfRoot+"/a%20b.exe"), line("http://dp/NOCERT_SMS_DP_SMSPKG%24/ps100015/x/y"))))
	f.Add([]byte(`<multistatus xmlns="DAV:"><response><href>/a/</href><propstat><prop><resourcetype><collection/></resourcetype>` +
		`<iscollection>1</iscollection></prop></propstat></response><responsedescription/></multistatus>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`))
	f.Add([]byte(`<?xml version="1.0" encoding="utf-16"?><D:multistatus xmlns:D="DAV:"/>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		items, err := readMultistatus(text, 50)
		if err != nil && (items != nil || len(err.Error()) > 80) {
			t.Errorf("%d lines with %v", len(items), err)
		}
		checkNames(t, items, 50)
	})
}

func FuzzPage(f *testing.F) {
	f.Add([]byte(page(`4/ 5/2023   8:24 pm &lt;dir&gt <a href="http://dp` + shelfRoot + `/sub">x</a>`)))
	f.Add([]byte(page(`4/ 5/2023   8:24 pm 123 <A class=x HREF='` + shelfRoot + `/a&amp;b%20c'>x</A>`)))
	f.Add([]byte(`<PRE>1 <a href=a>2 <a href=/b></a></PRE><pre>3 <a href=c></pre>`))
	f.Add([]byte(`<textarea><pre>1 <a href=x></pre>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		items, err := readPage(text, 50)
		if err != nil && (items != nil || len(err.Error()) > 80) {
			t.Errorf("%d lines with %v", len(items), err)
		}
		checkNames(t, items, 50)
	})
}

func FuzzBelow(f *testing.F) {
	f.Add("", shelfRoot+"/a")
	f.Add("a/b", "http://x:1/CCMTOKENAUTH_SMS_DP_SMSPKG%24/ps100015/A/B/c%2525")
	f.Add("a", `..\b`)
	f.Add("\u0130", shelfRoot+"/i\u0307/x")
	at, _ := content.ParseFolder("http", "dp", shelfRoot)
	top, _ := newNaming(at)
	f.Fuzz(func(t *testing.T, folder, href string) {
		if names, ok := splitPath(folder); !ok || strings.Join(names, "/") != folder {
			return // no folder that a list has named
		}
		path, ok := top.below(folder, href)
		if !ok {
			return
		}
		if names, ok := splitPath(path); !ok || strings.Join(names, "/") != path || slices.Contains(names, "..") {
			t.Errorf("in %q, %q is %q", folder, href, path)
		}
		if path != folder && folder != "" && !strings.HasPrefix(path, folder+"/") {
			t.Errorf("in %q, %q is %q, outside of it", folder, href, path)
		}
	})
}

// FuzzUnescapeOnce: what is escaped properly is decoded as everybody decodes it, and what escapes nothing stays.
func FuzzUnescapeOnce(f *testing.F) {
	f.Add("a%20b%2520%zz%")
	f.Fuzz(func(t *testing.T, text string) {
		if want, err := url.PathUnescape(text); err == nil && unescapeOnce(text) != want {
			t.Errorf("%q is %q, want %q", text, unescapeOnce(text), want)
		}
		if got := unescapeOnce(url.PathEscape(text)); got != text {
			t.Errorf("%q escaped is %q", text, got)
		}
	})
}
