package admin

import (
	"encoding/base64"
	"slices"
	"strings"

	"branchpoint/cache"
)

// page returns at most limit contents whose names begin with prefix, in any letter case, and come behind after. A cache
// holds hundreds of thousands of objects: each name is looked at, but only what the page shows is asked for and added up.
func page(held Contents, prefix, after string, limit int) contentList {
	names := held.Names()
	list := contentList{Contents: []content{}}
	shown := firstContents(names, strings.ToLower(prefix), after, limit+1)
	if len(shown) > limit {
		shown = shown[:limit]
		list.Next = base64.RawURLEncoding.EncodeToString([]byte(shown[limit-1]))
	}
	all := make(map[string]*content, len(shown))
	for _, name := range shown {
		all[name] = &content{Name: name, Pinned: true}
	}
	for _, name := range names {
		if c := all[contentOf(name)]; c != nil {
			c.add(held.Generations(name))
		}
	}
	for _, name := range shown {
		if c := all[name]; c.Objects > 0 { // otherwise it was removed a moment ago
			list.Contents = append(list.Contents, *c)
		}
	}
	return list
}

// firstContents returns the first n contents of objects, by name, that begin with prefix, in lower case, and come behind
// after. Sorting all of them would cost more than the whole page.
func firstContents(objects []string, prefix, after string, n int) (first []string) {
	for _, object := range objects {
		name := contentOf(object)
		if name <= after || len(first) == n && name >= first[n-1] || !strings.HasPrefix(strings.ToLower(name), prefix) {
			continue
		}
		if at, there := slices.BinarySearch(first, name); !there {
			first = slices.Insert(first[:min(len(first), n-1)], at, name)
		}
	}
	return first
}

// add counts one file: the generations of one object. None is a file that was removed a moment ago.
func (c *content) add(generations []cache.Object) {
	if len(generations) == 0 {
		return
	}
	c.Files++
	for _, o := range generations {
		c.Objects++
		c.Stored, c.Size = c.Stored+o.Stored, c.Size+o.Size
		c.Pinned, c.Open = c.Pinned && o.Pinned, c.Open || o.Open
		if o.Used.After(c.Used) {
			c.Used = o.Used
		}
	}
}
