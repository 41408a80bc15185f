package content

// cursor reads a raw target one decoded byte at a time, so that a match in the decoded text can be cut out of the raw
// text without re-encoding its neighbours.
type cursor struct {
	text string
	pos  int
}

// next returns the byte at the cursor, percent-decoded, and how many raw bytes it takes: zero at the end.
func (c *cursor) next() (b byte, width int) {
	if c.pos >= len(c.text) {
		return 0, 0
	}
	if b, ok := escaped(c.text[c.pos:]); ok {
		return b, 3
	}
	return c.text[c.pos], 1
}

// eat moves over word, which is upper-case ASCII, when the text has it here in any letter case. Otherwise it stays.
func (c *cursor) eat(word string) bool {
	start := c.pos
	for i := range len(word) {
		b, width := c.next()
		if width == 0 || upperASCII(b) != word[i] {
			c.pos = start
			return false
		}
		c.pos += width
	}
	return true
}

// eatLetter moves over one ASCII letter, if there is one.
func (c *cursor) eatLetter() {
	b, width := c.next()
	if b = upperASCII(b); 'A' <= b && b <= 'Z' {
		c.pos += width
	}
}

// alias moves over the alias prefix, if there is one.
func (c *cursor) alias() Vdir {
	for _, v := range []Vdir{NoCert, TokenAuth} {
		if c.eat(v.prefix()) {
			return v
		}
	}
	return Plain
}

func upperASCII(b byte) byte {
	if 'a' <= b && b <= 'z' {
		return b - 'a' + 'A'
	}
	return b
}
