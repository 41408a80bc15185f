package sim

import (
	"fmt"
	"slices"
	"sync"
)

// Faults is the set of faults of one DP. It may be changed at any time, also while responses are under way.
type Faults struct {
	mu     sync.Mutex
	active []*Injected
}

// Injected is a fault at work.
type Injected struct {
	fault  Fault
	owner  *Faults
	lifted chan struct{}
	struck chan struct{}

	// Guarded by owner.mu.
	strikes int
	gone    bool
}

// Inject puts a fault to work. It refuses one that makes no sense.
func (f *Faults) Inject(fault Fault) (*Injected, error) {
	fault, err := fault.complete()
	if err != nil {
		return nil, fmt.Errorf("inject a fault: %w", err)
	}
	in := &Injected{fault: fault, owner: f, lifted: make(chan struct{}), struck: make(chan struct{})}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = append(f.active, in)
	return in, nil
}

// Clear lifts all faults.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range f.active {
		in.lift()
	}
	f.active = nil
}

// Lift ends the fault; a response that it holds up goes on.
func (in *Injected) Lift() {
	in.owner.mu.Lock()
	defer in.owner.mu.Unlock()
	in.lift()
	in.owner.active = slices.DeleteFunc(in.owner.active, func(x *Injected) bool { return x == in })
}

// lift needs owner.mu.
func (in *Injected) lift() {
	if !in.gone {
		in.gone = true
		close(in.lifted)
	}
}

// Strikes is how many requests the fault has struck.
func (in *Injected) Strikes() int {
	in.owner.mu.Lock()
	defer in.owner.mu.Unlock()
	return in.strikes
}

// Struck is closed when the fault strikes for the first time.
func (in *Injected) Struck() <-chan struct{} { return in.struck }

// take returns the faults that strike a request, and counts the strikes. wants says whether a fault strikes this one.
func (f *Faults) take(wants func(*Fault) bool) []*Injected {
	f.mu.Lock()
	defer f.mu.Unlock()
	var taken []*Injected
	for _, in := range f.active {
		if wants(&in.fault) && (in.fault.Count == 0 || in.strikes < in.fault.Count) {
			if in.strikes++; in.strikes == 1 {
				close(in.struck)
			}
			taken = append(taken, in)
		}
	}
	return taken
}

// takeEarly returns the faults that strike before a file is looked for.
func (f *Faults) takeEarly(method, target string, message ...string) []*Injected {
	return f.take(func(x *Fault) bool { return x.Kind.early() && x.applies(method, target, message...) })
}

// takeSpoiling returns the faults that make something else of an answer in XML.
func (f *Faults) takeSpoiling(method, target string, message ...string) []*Injected {
	return f.take(func(x *Fault) bool { return x.Kind.spoils() && x.applies(method, target, message...) })
}

// takeLate returns the faults that strike a response for these spans of a file.
func (f *Faults) takeLate(method, target string, ranged bool, spans []span) []*Injected {
	return f.take(func(x *Fault) bool {
		if x.Kind.early() || x.Kind.spoils() || !x.applies(method, target) || x.Kind.needsRange() && !ranged {
			return false
		}
		_, within := x.at(spans)
		return within || !x.Kind.strikesBody()
	})
}
