package site

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/tokenbroker/ccm"
)

// TestLists checks by random operations against a naive model what is kept, and that it stays within its bounds.
func TestLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, random := newLists(), randomOf(t)
		var order []listKey // the latest last
		model := map[listKey]list{}
		forget := func(k listKey) {
			delete(model, k)
			order = slices.DeleteFunc(order, func(o listKey) bool { return o == k })
		}
		pool := make([]ccm.CloudFile, maxListed+1)
		for i := range 2000 {
			k := listKey{url: fmt.Sprint(random.IntN(2 * maxLists))}
			switch random.IntN(3) {
			case 0:
				n := 1 + random.IntN(100)
				if random.IntN(30) == 0 {
					n = []int{maxListed / 2, maxListed, maxListed + 1}[random.IntN(3)]
				}
				l.put(k, pool[:n], time.Now())
				if n > maxListed {
					break
				}
				forget(k)
				for total := n; ; {
					total = n
					for _, one := range model {
						total += len(one.files)
					}
					if total <= maxListed && len(model) < maxLists {
						break
					}
					forget(order[0])
				}
				model[k] = list{pool[:n], time.Now().Add(listAge)}
				order = append(order, k)
			case 1:
				got, ok := l.get(k, time.Now())
				want, had := model[k]
				had = had && time.Now().Before(want.until)
				if ok != had || ok && len(got) != len(want.files) {
					t.Fatalf("step %d: %d files, %v, want %d, %v", i, len(got), ok, len(want.files), had)
				}
				forget(k)
				if had {
					model[k] = want
					order = append(order, k)
				}
			case 2:
				elapse(time.Duration(random.IntN(10)) * time.Second)
			}
			if l.files > maxListed || l.kept.Len() > maxLists || l.files < 0 {
				t.Fatalf("step %d: %d files in %d lists", i, l.files, l.kept.Len())
			}
		}
	})
}

func TestSASTime(t *testing.T) {
	for text, want := range map[string]string{
		"2024-01-02T03:04:05Z": "2024-01-02T03:04:05Z", "2024-01-02T03:04Z": "2024-01-02T03:04:00Z", "2024-01-02": "2024-01-02T00:00:00Z",
		"2024-01-02T03:04:05.6789Z": "2024-01-02T03:04:05Z", "": "0001-01-01T00:00:00Z", "soon": "0001-01-01T00:00:00Z",
	} {
		if got := sasTime(text).UTC().Format(time.RFC3339); got != want {
			t.Errorf("%q ends at %s, want %s", text, got, want)
		}
	}
}
