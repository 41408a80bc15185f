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

// approve does what an administrator does in the console: it approves every client that has registered.
func approve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: approve")
	}
	mp := ts.Value(mpKey{}).(*sim.ManagementPoint)
	clients := mp.Clients()
	if len(clients) != 1 {
		ts.Fatalf("%d clients have registered, want one", len(clients))
	}
	ts.Check(mp.Approve(clients[0].SMSID))
}
