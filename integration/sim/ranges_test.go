package sim

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestParseRange(t *testing.T) {
	tests := []struct {
		name, header string
		size         int64
		want         []span
		ok           bool
	}{
		{"absent", "", 10, nil, false},
		{"whole", "bytes=0-9", 10, []span{{0, 10}}, true},
		{"first byte", "bytes=0-0", 10, []span{{0, 1}}, true},
		{"open end", "bytes=4-", 10, []span{{4, 6}}, true},
		{"suffix", "bytes=-3", 10, []span{{7, 3}}, true},
		{"suffix longer than the file", "bytes=-30", 10, []span{{0, 10}}, true},
		{"suffix of nothing", "bytes=-0", 10, nil, true},
		{"end past the file", "bytes=8-100", 10, []span{{8, 2}}, true},
		{"start past the file", "bytes=10-", 10, nil, true},
		{"several, order kept, not joined", "bytes=5-6,0-1,2-3", 10, []span{{5, 2}, {0, 2}, {2, 2}}, true},
		{"blanks and empty elements", "bytes= 0-1 ,, 4-5", 10, []span{{0, 2}, {4, 2}}, true},
		{"one of two past the file", "bytes=0-1,20-30", 10, []span{{0, 2}}, true},
		{"unit in capitals", "BYTES=0-1", 10, []span{{0, 2}}, true},
		{"other unit", "items=0-1", 10, nil, false},
		{"no unit", "0-1", 10, nil, false},
		{"backwards", "bytes=5-2", 10, nil, false},
		{"no digits", "bytes=-", 10, nil, false},
		{"sign", "bytes=+1-2", 10, nil, false},
		{"three parts", "bytes=1-2-3", 10, nil, false},
		{"only commas", "bytes=,,", 10, nil, false},
		{"empty set", "bytes=", 10, nil, false},
		{"larger than an int64", "bytes=0-99999999999999999999", 10, []span{{0, 10}}, true},
		{"start larger than an int64", "bytes=99999999999999999999-", 10, nil, true},
		{"beyond 4 GiB", "bytes=4294967296-4294967297", 5 << 30, []span{{1 << 32, 2}}, true},
		{"largest size", "bytes=0-", math.MaxInt64, []span{{0, math.MaxInt64}}, true},
		{"empty file", "bytes=0-0", 0, nil, true},
		{"empty file, suffix", "bytes=-5", 0, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseRange(tt.header, tt.size)
			if !slices.Equal(got, tt.want) || ok != tt.ok {
				t.Errorf("parseRange(%q, %d) = %v, %v, want %v, %v", tt.header, tt.size, got, ok, tt.want, tt.ok)
			}
		})
	}
}

func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-9", "bytes=-5", "bytes=1-", "bytes=0-0,5-6", "bytes=9-1", "x", "bytes=a-b"} {
		f.Add(seed, int64(100))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		size &= math.MaxInt64
		spans, ok := parseRange(header, size)
		if !ok && len(spans) > 0 {
			t.Fatalf("%q is refused, but gives %v", header, spans)
		}
		for _, s := range spans {
			if s.start < 0 || s.length < 1 || s.start > size-s.length {
				t.Fatalf("%q of %d gives %v", header, size, s)
			}
		}
	})
}

// TestParseRangeAgainstNaiveModel asks for each pair of offsets of a small file, and compares with a loop over its bytes.
func TestParseRangeAgainstNaiveModel(t *testing.T) {
	const size = 12
	for a := range int64(15) {
		for b := range int64(15) {
			var want []int64
			for i := range int64(size) {
				if a <= i && i <= b {
					want = append(want, i)
				}
			}
			spans, ok := parseRange(fmt.Sprintf("bytes=%d-%d", a, b), size)
			var got []int64
			for _, s := range spans {
				for i := s.start; i < s.end(); i++ {
					got = append(got, i)
				}
			}
			if ok != (a <= b) || !slices.Equal(got, want) {
				t.Errorf("bytes=%d-%d gives %v, %v, want %v", a, b, got, ok, want)
			}
		}
	}
}
