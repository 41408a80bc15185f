package sim

import (
	"sync"
	"testing"
)

// TestCrowd: the most of a kind is remembered, each kind for itself, and what has ended does not count.
func TestCrowd(t *testing.T) {
	var c crowd[string]
	leave := c.enter("a")
	leave()
	first, second := c.enter("a"), c.enter("a")
	defer c.enter("b")()
	first()
	c.enter("a")()
	second()
	for kind, want := range map[string]int{"a": 2, "b": 1, "c": 0} {
		if got := c.peak(func(k string) bool { return k == kind }); got != want {
			t.Errorf("%s: %d at once, want %d", kind, got, want)
		}
	}
	if got := c.peak(func(string) bool { return true }); got != 2 {
		t.Errorf("%d at once of any kind, want 2", got)
	}
}

// TestMessagesAtOnce: a message is under way until it is answered, however many of another kind come meanwhile.
func TestMessagesAtOnce(t *testing.T) {
	m := newTestMP(t, func(_ *testMP, c *ManagementPointConfig) { c.Delivery.Form = DeliverByTokenManager })
	c := m.approvedCaller("PC1")
	token := post{endpoint: "MP_TokenManager", body: "<TokenRequest/>", signed: true}
	held := m.inject(t, Fault{Kind: FaultSilence, Message: "MP_TokenManager", Count: 1})
	var asking sync.WaitGroup
	defer asking.Wait()
	defer held.Lift()
	other := *c
	other.http = newHTTPClient(t, m.ca)
	asking.Go(func() { _, _ = other.try(token) })
	<-held.Struck()
	c.ask(question(testPackage), true)
	tokens := MPRequest{Endpoint: "MP_TokenManager", Machine: "PC1"}
	if got := m.Tally.AtOnce(tokens); got != 1 {
		t.Errorf("one is held up: %d at once", got)
	}
	c.post(token)
	held.Lift()
	asking.Wait()
	c.post(token)
	if got := m.Tally.AtOnce(tokens); got != 2 {
		t.Errorf("one was held up, and another came: %d at once", got)
	}
	if got := m.Tally.AtOnce(MPRequest{Request: "ContentLocationRequest"}); got != 1 {
		t.Errorf("one was about locations: %d at once", got)
	}
}
