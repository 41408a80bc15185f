package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"branchpoint/proxy"
)

const nothingLearned = `No request to a server that takes tokens has been seen.

Branchpoint sees the headers of a request that is plain HTTP, that comes to a gateway listener, or whose HTTPS it sees into
(branchpoint ca). What is tunnelled shows none, and what is answered from the disk at once is not looked at.
`

// learnedText is what an administrator is told.
func learnedText(hosts []proxy.LearnedHost) string {
	if len(hosts) == 0 {
		return nothingLearned
	}
	var text strings.Builder
	for _, h := range hosts {
		text.WriteString(learnedHostText(h))
	}
	text.WriteString(advice(suspectsOf(hosts)))
	return text.String()
}

func learnedHostText(h proxy.LearnedHost) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, requests: %s, the last one %s\n", h.Host, humanize.Comma(h.Requests), humanize.Time(h.LastSeen))
	var standard []string
	t := newTable()
	t.AppendHeader(table.Row{"Header", "Requests", "What it holds"})
	for _, header := range h.Headers {
		if header.Standard {
			standard = append(standard, header.Name)
			continue
		}
		var shapes []string
		for _, shape := range header.Shapes {
			shapes = append(shapes, shape.String())
		}
		t.AppendRow(table.Row{header.Name, humanize.Comma(header.Requests), strings.Join(shapes, "\n")})
	}
	if t.Length() > 0 {
		fmt.Fprintln(&text, t.Render())
	}
	if len(standard) > 0 {
		fmt.Fprintf(&text, "Standard, and no token: %s\n", strings.Join(standard, ", "))
	}
	if h.Unlisted > 0 {
		fmt.Fprintf(&text, "Not listed for want of room: %s\n", humanize.Comma(h.Unlisted))
	}
	return text.String() + "\n"
}

// suspect is a header that may carry the token.
type suspect struct {
	name     string
	requests int64
	shape    proxy.LearnedShape
}

// suspectsOf returns the headers that may carry the token, the likeliest first. A header that logs a client in is none.
func suspectsOf(hosts []proxy.LearnedHost) (list []suspect) {
	for _, h := range hosts {
		for _, header := range h.Headers {
			for _, shape := range header.Shapes {
				if isLogin(shape.Scheme) {
					continue
				}
				found := suspect{header.Name, header.Requests, shape}
				if i := slices.IndexFunc(list, func(s suspect) bool { return s.name == header.Name }); i < 0 {
					list = append(list, found)
				} else if compareSuspects(found, list[i]) < 0 {
					list[i] = found
				}
			}
		}
	}
	slices.SortFunc(list, compareSuspects)
	return list
}

// isLogin recognizes the schemes of a name and a password, and of Windows authentication.
func isLogin(scheme string) bool {
	return slices.Contains([]string{"Basic", "Digest", "Kerberos", "Negotiate", "NTLM"}, scheme)
}

// compareSuspects puts the likelier one first: a JSON web token, then the longest, then the one that comes most often.
func compareSuspects(a, b suspect) int {
	likely := func(s suspect) (rank int) {
		if s.shape.JWT {
			rank += 8
		}
		if s.shape.Scheme != "" {
			rank++
		}
		switch s.shape.Size {
		case proxy.LongText:
			rank += 4
		case proxy.MediumText:
			rank += 2
		}
		return rank
	}
	return cmp.Or(cmp.Compare(likely(b), likely(a)), cmp.Compare(b.requests, a.requests), cmp.Compare(a.name, b.name))
}

// advice says what to write into which setting.
func advice(suspects []suspect) string {
	if len(suspects) == 0 {
		return "No header of these carries a token. The clients log in by other means, or have none.\n"
	}
	best := suspects[0]
	format := "{token}"
	switch best.shape.Scheme {
	case "":
	case proxy.OtherScheme:
		format = "WORD {token}"
	default:
		format = best.shape.Scheme + " {token}"
	}
	text := fmt.Sprintf("%s looks most like the token. If it is, the configuration is:\n\ntoken:\n  header_name: %q\n  header_format: %q\n",
		best.name, best.name, format)
	if best.shape.Scheme == proxy.OtherScheme {
		text += "\nWORD is the word in front of the token. It may be part of a secret, so it is not shown; a request of the client tells it.\n"
	}
	if len(suspects) > 1 {
		var others []string
		for _, s := range suspects[1:] {
			others = append(others, strconv.Quote(s.name)) // YAML has words that are none
		}
		text += fmt.Sprintf("\nThose of the others that tell one client from another belong into\n\ntoken:\n  credential_headers: [%s]\n", strings.Join(others, ", "))
	}
	return text
}
