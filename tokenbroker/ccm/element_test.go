package ccm

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestParseXML(t *testing.T) {
	root, err := parseXML(`<?xml version="1.0" encoding="utf-16"?><!-- note --><a xmlns="urn:x" xmlns:p="urn:y" n="1 &amp; 2"> t<b/>x<p:b p:m="&#65;"><![CDATA[<c>]]></p:b> </a>` + "\r\n")
	must(t, err)
	want := &element{name: "a", attrs: []attribute{{"n", "1 & 2"}}, text: "tx", children: []*element{
		{name: "b"}, {name: "b", attrs: []attribute{{"m", "A"}}, text: "<c>"},
	}}
	if !reflect.DeepEqual(root, want) {
		t.Errorf("got %s, want %s", root, want)
	}
	if got := root.at("b", "c").value("d") + root.at("x").attr("y"); got != "" || root.at("x").all("y") != nil {
		t.Errorf("what is not there reads as %q", got)
	}
}

func TestParseXMLRefuses(t *testing.T) {
	deep := strings.Repeat("<a>", maxDepth+1) + strings.Repeat("</a>", maxDepth+1)
	wide := "<a>" + strings.Repeat("<b/>", maxElements) + "</a>"
	var many strings.Builder
	for i := range maxAttributes + 1 {
		fmt.Fprintf(&many, ` a%d=""`, i)
	}
	for _, c := range []struct {
		name, text string
		err        error
	}{
		{"document type", `<!DOCTYPE a><a/>`, errDeclared},
		{"entity declared", `<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, errDeclared},
		{"entity from outside", `<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`, errDeclared},
		{"billion laughs", `<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>`, errDeclared},
		{"document type inside", `<a><!DOCTYPE b></a>`, errDeclared},
		{"entity", `<a>&x;</a>`, nil},
		{"entity in an attribute", `<a b="&x;"/>`, nil},
		{"HTML entity", `<a>&nbsp;</a>`, nil},
		{"too deep", deep, errTooDeep},
		{"too many elements", wide, errTooMany},
		{"too many attributes", "<a" + many.String() + "/>", errTooMany},
		{"attribute twice", `<a b="1" b="2"/>`, errTwice},
		{"two roots", `<a/><b/>`, errNotOneRoot},
		{"nothing", ``, errNotOneRoot},
		{"text only", `plain`, errNotOneRoot},
		{"not closed", `<a><b></b>`, nil},
		{"crossed", `<a><b></a></b>`, nil},
		{"HTML", `<html><br></html>`, nil},
		{"zero character", "<a>\x00</a>", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, err := parseXML(c.text)
			if err == nil || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("got %v, %v, want %v", root, err, c.err)
			}
			if _, known := errors.AsType[flaw](err); !known {
				t.Errorf("the error %q is not of this package, and may quote the document", err)
			}
		})
	}
}

func TestWriteXML(t *testing.T) {
	e := tag("a", "n", `<"&'`+"\n").with(leaf("b", "x < y & z\x01"), tag("c"))
	root, err := parseXML(e.String())
	must(t, err)
	want := tag("a", "n", `<"&'`+"\n").with(leaf("b", "x < y & z\ufffd"), tag("c"))
	if !reflect.DeepEqual(root, want) || strings.Contains(e.String(), "\n") {
		t.Errorf("%s reads as %s", e, root)
	}
}

func TestPaths(t *testing.T) {
	root, err := parseXML(`<Reply t="0"><Sites><Site><Record><Token>1</Token></Record><Record token="2"><x><Token> </Token></x></Record></Site></Sites><Token Value="3">4</Token></Reply>`)
	must(t, err)
	for _, c := range []struct {
		path string
		want string
	}{
		{"Reply/@t", "0"}, {"/Reply/@t", "0"}, {"reply/TOKEN/@value", "3"}, {"Reply/Token", "4"}, {"Token", ""},
		{"//Token", "1 4"}, {"//@Token", "2"}, {"Reply//Record/Token", "1"}, {"//Record/@token", "2"}, {"Reply/*", "4"},
		{"Reply/*/@Value", "3"}, {"//Site//Token", "1"}, {"Reply/Sites/Site/Record/Token", "1"}, {"//*/@*", "-"}, {"", "-"}, {"/", "-"},
		{"a//", "-"}, {"///a", "-"}, {"//a//b//c", "-"}, {"@a", "-"}, {"a/@b/c", "-"}, {"a/<", "-"}, {"a b", "-"},
	} {
		p, err := parsePath(c.path)
		var got []string
		p.find(root, func(_ []*element, v string) bool { got = append(got, v); return true })
		if all := strings.Join(got, " "); err == nil && all != c.want || err != nil && c.want != "-" {
			t.Errorf("%q finds %q (%v), want %q", c.path, all, err, c.want)
		}
	}
	paths, err := parsePaths([]string{"//Missing", "Reply/Token", "//Token"})
	must(t, err)
	if got := first(paths, root); got != "4" {
		t.Errorf("the first value is %q, want that of the first path that has one, 4", got)
	}
}

func TestUnknownNames(t *testing.T) {
	root, err := parseXML(`<A x="v" secret="v"><B>v</B><B><New at="v">v<B/></New></B><New/><New/></A>`)
	must(t, err)
	got := newVocabulary("A/@x A/B").unknown(root)
	want := []string{"A/@secret", "A/B/New", "A/B/New/@at", "A/B/New/B", "A/New"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("unknown are %q, want %q", got, want)
	}
	var many strings.Builder
	for i := range 10 * maxUnknown {
		fmt.Fprintf(&many, "<n%d\u00e9%s/>", i, strings.Repeat("x", 2*maxName))
	}
	root, err = parseXML("<A>" + many.String() + "</A>")
	must(t, err)
	got = vocabulary{}.unknown(root)
	if len(got) != maxUnknown {
		t.Errorf("%d names, want %d", len(got), maxUnknown)
	}
	for _, name := range got {
		if len(name) > maxName || !isASCII(name) {
			t.Errorf("the name %q is too long or not plain", name)
		}
	}
}

func FuzzParseXML(f *testing.F) {
	f.Add(`<a b="c">d<e/></a>`)
	f.Add(`<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`)
	f.Add(`<a><![CDATA[x]]><!-- y --><?z?></a>`)
	f.Fuzz(func(t *testing.T, text string) {
		root, err := parseXML(text)
		if err != nil {
			if _, known := errors.AsType[flaw](err); !known {
				t.Errorf("the error %q may quote the document", err)
			}
			return
		}
		if strings.Contains(text, "<!DOCTYPE") && !strings.Contains(text, "<!--") && !strings.Contains(text, "<![CDATA[") &&
			!strings.Contains(text, "<?") && !strings.ContainsAny(text, `"'`) {
			t.Errorf("a document type got through: %q", text)
		}
		again, err := parseXML(root.String())
		if err != nil || again.name != root.name || len(again.children) != len(root.children) {
			if isXMLName(root.name) && everyName(root, isXMLName) {
				t.Errorf("%q is written as %q, which reads as %v (%v)", text, root, again, err)
			}
		}
	})
}

func everyName(e *element, ok func(string) bool) bool {
	for _, a := range e.attrs {
		if !ok(a.name) {
			return false
		}
	}
	for _, c := range e.children {
		if !everyName(c, ok) {
			return false
		}
	}
	return ok(e.name)
}

func FuzzPath(f *testing.F) {
	root := tag("A", "a", "1").with(tag("B").with(tag("C", "c", "2")), leaf("D", "3"))
	for _, s := range []string{"A/@a", "//C/@c", "A/*/*", "//@c", "A//D", "///"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePath(s)
		if err != nil {
			return
		}
		found := 0
		p.find(root, func(chain []*element, v string) bool {
			found++
			return v != "" && len(chain) > 0
		})
		if found > 4 {
			t.Errorf("%q finds %d values in a document of three", s, found)
		}
	})
}
