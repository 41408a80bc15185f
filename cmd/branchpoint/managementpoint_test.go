package main

import (
	"github.com/rogpeppe/go-internal/testscript"

	"branchpoint/integration/sim"
)

// mpKey is where a script's environment keeps its management point.
type mpKey struct{}

// startManagementPoint gives a script a management point of the site PS1, which approves nobody by itself.
func startManagementPoint(env *testscript.Env) error {
	ca, err := sim.NewCA()
	if err != nil {
		return err
	}
	mp, err := sim.NewManagementPoint(sim.ManagementPointConfig{Name: "MP1", CA: ca, Library: sim.NewLibrary()})
	if err != nil {
		return err
	}
	if err := mp.Start(); err != nil {
		return err
	}
	env.Defer(func() { _ = mp.Close() })
	env.Values[mpKey{}] = mp
	env.Setenv("MP", mp.URL("http"))
	return nil
}

// approve does what an administrator does in the console: it approves the client that has registered.
func approve(ts *testscript.TestScript, neg bool, args []string) {
	administer(ts, neg, args, (*sim.ManagementPoint).Approve)
}

// block does the same for one that may not come in any more, and unblock undoes it.
func block(ts *testscript.TestScript, neg bool, args []string) {
	administer(ts, neg, args, (*sim.ManagementPoint).Block)
}

func unblock(ts *testscript.TestScript, neg bool, args []string) {
	administer(ts, neg, args, (*sim.ManagementPoint).Unblock)
}

func administer(ts *testscript.TestScript, neg bool, args []string, do func(*sim.ManagementPoint, string) error) {
	if neg || len(args) > 0 {
		ts.Fatalf("it has no arguments")
	}
	mp := ts.Value(mpKey{}).(*sim.ManagementPoint)
	clients := mp.Clients()
	if len(clients) != 1 {
		ts.Fatalf("%d clients have registered, want one", len(clients))
	}
	ts.Check(do(mp, clients[0].SMSID))
}
