package sim

import (
	"cmp"
	"slices"
)

// plan is what the faults make of one response.
type plan struct {
	wholeFile      bool
	noContentRange bool
	startDelta     int64
	totalDelta     int64
	sizeDelta      int64
	encoding       string
	strikes        []strike
}

// strike is a fault that acts when a place in the body is reached.
type strike struct {
	at int64
	by *Injected
}

func makePlan(faults []*Injected, spans []span) plan {
	var p plan
	for _, in := range faults {
		switch f := &in.fault; f.Kind {
		case FaultRangeIgnored:
			p.wholeFile = true
		case FaultNoContentRange:
			p.noContentRange = true
		case FaultWrongStart:
			p.startDelta = f.Delta
		case FaultWrongTotal:
			p.totalDelta = f.Delta
		case FaultWrongSize:
			p.sizeDelta = f.Delta
		case FaultEncoding:
			p.encoding = f.Encoding
		default:
			at, _ := f.at(spans)
			p.strikes = append(p.strikes, strike{at: at, by: in})
		}
	}
	slices.SortStableFunc(p.strikes, func(a, b strike) int { return cmp.Compare(a.at, b.at) })
	return p
}
