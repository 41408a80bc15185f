package upstream

import (
	"fmt"
	"testing"
)

func TestParseContentRange(t *testing.T) {
	tests := []struct {
		name, text string
		want       contentRange
		ok         bool
	}{
		{"a part", "bytes 5-9/20", contentRange{5, 9, 20}, true},
		{"unit in capitals", "Bytes 0-0/1", contentRange{0, 0, 1}, true},
		{"the largest numbers", "bytes 9223372036854775805-9223372036854775806/9223372036854775807",
			contentRange{9223372036854775805, 9223372036854775806, 9223372036854775807}, true},
		{"number too large", "bytes 0-1/9223372036854775808", contentRange{}, false},
		{"backwards", "bytes 9-5/20", contentRange{}, false},
		{"end at the total", "bytes 5-20/20", contentRange{}, false},
		{"unknown total", "bytes 5-9/*", contentRange{}, false},
		{"unsatisfied", "bytes */20", contentRange{}, false},
		{"other unit", "lines 5-9/20", contentRange{}, false},
		{"two blanks", "bytes  5-9/20", contentRange{}, false},
		{"signs", "bytes +5-9/20", contentRange{}, false},
		{"blank behind", "bytes 5-9/20 ", contentRange{}, false},
		{"no numbers", "bytes -/", contentRange{}, false},
		{"nothing", "", contentRange{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseContentRange(tt.text)
			if ok != tt.ok || (ok && got != tt.want) {
				t.Errorf("parseContentRange(%q) = %v, %v; want %v, %v", tt.text, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func FuzzParseContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 0-0/1", "bytes 5-9/20", "bytes */20", "bytes 00-1/2", "bytes 1-/", "bytes 0-1/9223372036854775808"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := parseContentRange(text)
		if !ok {
			return
		}
		if r.first < 0 || r.first > r.last || r.last >= r.total {
			t.Fatalf("parseContentRange(%q) = %+v: no range", text, r)
		}
		again, ok := parseContentRange(fmt.Sprintf("bytes %d-%d/%d", r.first, r.last, r.total))
		if !ok || again != r {
			t.Fatalf("parseContentRange(%q) = %+v does not survive being written", text, r)
		}
	})
}
