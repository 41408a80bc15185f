package configs

import (
	"fmt"
	"strings"
)

// closest returns the choice that word was probably meant to be; empty when none is near.
func closest(word string, choices []string) string {
	word = strings.ToLower(word)
	best, least := "", max(len(word)/3, 1)+1
	for _, choice := range choices {
		d := distance(word, choice)
		if strings.HasPrefix(word, choice) {
			d = 1 // "warning" for "warn"
		}
		if d < least {
			best, least = choice, d
		}
	}
	return best
}

// distance is how many letters must be inserted, removed or replaced to get from a to b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// unknown says that word is none of the choices of that kind.
func unknown(kind, word string, choices []string) string {
	if len(word) <= 64 {
		if near := closest(word, choices); near != "" {
			return fmt.Sprintf("unknown %s %q; did you mean %s?", kind, word, near)
		}
	} else {
		word = word[:61] + "..."
	}
	return fmt.Sprintf("unknown %s %q; known here: %s", kind, word, strings.Join(choices, ", "))
}
