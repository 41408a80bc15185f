package upstream

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchpoint/proxy/content"
)

// TestOffers: they are kept newest first, each once, few and short, and not beyond their end.
func TestOffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		offers, id := newOffers(), content.ID{Content: "abc", Path: "d"}
		make := func(raw string, life time.Duration) offer { return newOffer(raw, nil, time.Now().Add(life)) }
		none := newOffer("", nil, time.Time{})
		expect := func(want ...string) {
			t.Helper()
			var got []string
			for _, o := range offers.others(id, none) {
				raw, _ := o.reveal()
				got = append(got, raw)
			}
			if !slices.Equal(got, want) {
				t.Errorf("offered are %q, want %q", got, want)
			}
		}
		offers.add(id, make("a", time.Minute))
		offers.add(id, make("b", time.Hour))
		offers.add(id, make("a", time.Minute))
		offers.add(content.ID{Content: "abc", Path: "D"}, make("x", time.Hour))
		expect("a", "b")
		offers.add(id, newOffer("c", nil, time.Time{}))
		expect("c", "a", "b")
		time.Sleep(time.Minute)
		expect("c", "b")
		offers.add(id, make(strings.Repeat("l", maxOfferBytes+1), time.Hour))
		offers.add(id, newOffer("m", http.Header{"X": {strings.Repeat("l", maxOfferBytes)}}, time.Time{}))
		offers.drop(id, make("c", 0))
		expect("b")
		for i := range maxOffers {
			offers.add(id, make(fmt.Sprint(i), time.Hour))
		}
		expect("7", "6", "5", "4", "3", "2", "1", "0")
		for i := range maxOffers {
			offers.drop(id, make(fmt.Sprint(i), 0))
		}
		expect()
		for i := range 2 * maxOffered {
			offers.add(content.ID{Path: fmt.Sprint(i)}, make("a", time.Hour))
		}
		if n := offers.blobs.Len(); n != maxOffered {
			t.Errorf("%d blobs are remembered", n)
		}
	})
}
