package upstream

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"
)

// readPage reads the HTML page that a DP gives of a folder: in a <pre>, for each file and folder the date, the time, the size or
// "<dir>", and a link (sccm-http-looter; there is no specification). Links without a size or "<dir>" before them, as the one to
// the folder above, are no lines of the list. What has no such <pre>, from beginning to end, is another page, as a form to log in
// is, or half of one; more than so many lines are an error, too.
//
// The dates of such pages are in the time of the server, which they do not say.
func readPage(text []byte, most int) (items []item, err error) {
	z := html.NewTokenizer(bytes.NewReader(text))
	var opened, closed bool
	var before string // the text since the last tag
	for {
		kind := z.Next()
		switch {
		case kind == html.ErrorToken && z.Err() != io.EOF:
			return nil, errors.New("it is not HTML")
		case kind == html.ErrorToken && !closed:
			return nil, errors.New("it is no listing of a folder")
		case kind == html.ErrorToken:
			return items, nil
		case kind == html.TextToken:
			before = html.UnescapeString(string(z.Raw()))
			continue
		}
		name, _ := z.TagName()
		isStart := kind == html.StartTagToken || kind == html.SelfClosingTagToken
		switch {
		case string(name) == "pre":
			opened, closed = opened || isStart, opened && !isStart
		case string(name) == "a" && isStart && opened && !closed:
			if it, ok := readLine(before, href(z)); ok {
				items = append(items, it)
			}
		}
		if len(items) > most {
			return nil, errTooMany
		}
		before = ""
	}
}

// href returns where the link goes that the tokenizer is at.
func href(z *html.Tokenizer) string {
	for {
		name, value, more := z.TagAttr()
		if string(name) == "href" {
			return string(value)
		}
		if !more {
			return ""
		}
	}
}

// readLine reads the text before a link. DPs write "&lt;dir&gt" without the last semicolon, and a browser understands it.
func readLine(before, link string) (item, bool) {
	fields := strings.Fields(before)
	if link == "" || len(fields) == 0 {
		return item{}, false
	}
	last := fields[len(fields)-1]
	if strings.EqualFold(last, "<dir>") {
		return item{href: link, folder: true}, true
	}
	size, ok := parseDigits(last)
	return item{href: link, size: size}, ok
}
