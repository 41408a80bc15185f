package main

import (
	"context"
	"strings"
	"testing"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
)

// TestOutcome: a registration that is not there is a failure of the verb, and so is one that nobody knows of since the verb was
// interrupted.
func TestOutcome(t *testing.T) {
	over, interrupt := context.WithCancel(t.Context())
	interrupt()
	for _, test := range []struct {
		state ccm.State
		ctx   context.Context
		want  string
	}{
		{ccm.StateRegistered, t.Context(), ""},
		{ccm.StatePendingApproval, t.Context(), ""},
		{ccm.StatePending, t.Context(), ""},
		{ccm.StateRejected, t.Context(), "not registered"},
		{ccm.StateReset, t.Context(), "not registered"},
		{ccm.StateRejected, over, "not registered"},
		{ccm.StatePending, over, "interrupted"},
	} {
		err := outcome(test.ctx, identity.Description{State: string(test.state)})
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, interrupted %v: %v, want %q", test.state, test.ctx.Err() != nil, err, test.want)
		}
	}
}
