package content

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// speller writes random URLs of known files: the model that Parse is held against. It goes from the ID to the URL and
// shares no code with the parser.
type speller struct{ *rand.Rand }

func (s speller) pick(choices ...string) string { return choices[s.IntN(len(choices))] }

func (s speller) letters(alphabet string, n int) string {
	runes := []rune(alphabet)
	out := make([]rune, n)
	for i := range out {
		out[i] = runes[s.IntN(len(runes))]
	}
	return string(out)
}

func (s speller) content() string {
	const hex = "0123456789abcdef"
	pkgID := s.letters("abcxyz0189", 3) + s.letters(hex, 5)
	guid := s.letters(hex, 8) + "-" + s.letters(hex, 4) + "-" + s.letters(hex, 4) + "-" + s.letters(hex, 4) + "-" + s.letters(hex, 12)
	version := fmt.Sprintf(".%d", 1+s.IntN(99))
	return s.pick(pkgID, pkgID+version, guid, guid+version, "content_"+guid+version)
}

// name is a file name in lower case, of the characters that break parsers.
func (s speller) name() string {
	const ends = "abcxyz019_+;&=#%äñжω$~@!,()[]{}'^-"
	return s.letters(ends+".", 1) + s.letters(ends+" .", s.IntN(6)) + s.letters(ends, 1)
}

func (s speller) file() ID {
	names := make([]string, 1+s.IntN(3))
	for i := range names {
		names[i] = s.name()
	}
	return pkg(s.content(), strings.Join(names, "/"))
}

// spell returns one of the many URLs of id. all says that every "%" is escaped, which the path demands.
func (s speller) spell(id ID) string {
	target := "/" + s.text(s.pick("", "NOCERT_", "CCMTOKENAUTH_")+"sms_dp_smspkg"+s.pick("", "d"), true) + s.pick("$", "%24")
	target += s.separator() + s.text(id.Content, true)
	marked := s.IntN(2) == 0 || id.Path == "sccm"
	if marked {
		target += s.separator() + s.text("sccm", true) + "?"
	}
	for name := range strings.SplitSeq(id.Path, "/") {
		target += s.separator() + s.text(name, !marked)
	}
	return target
}

func (s speller) separator() string {
	return s.pick("/", "/", "/", `\`, "%2f", "%5C", "//", "/./", `\/`)
}

// text spells s in random letter case and random escapes.
func (s speller) text(text string, path bool) string {
	var out strings.Builder
	for _, r := range text {
		letter := string(r)
		if s.IntN(3) == 0 {
			letter = strings.ToUpper(letter)
		}
		must := r == '%' || r == ' ' || r == '#' && path
		if !must && s.IntN(8) > 0 {
			out.WriteString(letter)
			continue
		}
		for _, b := range []byte(letter) {
			fmt.Fprintf(&out, s.pick("%%%02x", "%%%02X"), b)
		}
	}
	return out.String()
}

// plain says whether the names of id hide no second layer of escapes, which Parse refuses on purpose.
func plain(id ID) bool { return !hidesMore("/" + id.Path) }

func TestEverySpellingIsOneFile(t *testing.T) {
	s := speller{rand.New(rand.NewPCG(1, 2))}
	for range 5000 {
		id := s.file()
		if !plain(id) {
			continue
		}
		for range 4 {
			raw := s.spell(id)
			if got, ok := Parse("http", "dp1", raw); !ok || got.ID != id {
				t.Fatalf("Parse(%q) = %+v, %v, want %+v", raw, got.ID, ok, id)
			}
		}
	}
}

// TestDistinctFilesStayDistinct changes one character of a name and expects another ID whenever NTFS has two files.
func TestDistinctFilesStayDistinct(t *testing.T) {
	s := speller{rand.New(rand.NewPCG(3, 4))}
	tested := 0
	for range 20000 {
		id := s.file()
		other := id
		runes := []rune(id.Path)
		at := s.IntN(len(runes))
		if runes[at] == '/' {
			continue
		}
		runes[at] = []rune(s.pick("a", "A", "b", "+", "%", "ß", "ẞ", "ı", "ſ", "\u212a", "k", "Ω", "\u2126"))[0]
		other.Path = string(runes)
		if !plain(id) || !plain(other) {
			continue
		}
		tested++
		a, okA := Parse("http", "dp1", s.exact(id))
		b, okB := Parse("http", "dp1", s.exact(other))
		if !okA || !okB {
			t.Fatalf("not content: %q %v, %q %v", id.Path, okA, other.Path, okB)
		}
		same := strings.Map(upcase, id.Path) == strings.Map(upcase, other.Path)
		if (a.ID == b.ID) != same || (a.ID.Name() == b.ID.Name()) != same {
			t.Fatalf("%q and %q: IDs %q and %q, want the same: %v", id.Path, other.Path, a.ID.Path, b.ID.Path, same)
		}
	}
	if tested < 10000 {
		t.Errorf("%d pairs were tested", tested)
	}
}

// exact spells id in its own letter case.
func (s speller) exact(id ID) string {
	var out strings.Builder
	fmt.Fprintf(&out, "/SMS_DP_SMSPKG$/%s/sccm?/", id.Content)
	for _, b := range []byte(id.Path) {
		if b == '/' {
			out.WriteByte(b)
			continue
		}
		fmt.Fprintf(&out, "%%%02x", b)
	}
	return out.String()
}
