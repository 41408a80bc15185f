package sim

import (
	"strconv"
	"strings"
	"testing"
)

func TestGatewayFaults(t *testing.T) {
	g := newTestGateway(t, nil)
	const path = "/CCM_Proxy_MutualAuth/7/SMS_MP/.sms_aut?MPLIST"
	g.mp.answers(status(200, strings.Repeat("x", 500)))
	for _, r := range []GatewayRefusal{GatewayInvalidToken, GatewayUnauthorized, GatewayCertificateRequired, GatewayForbidden, GatewayInternalError} {
		in, err := g.Faults.Inject(r.Fault())
		if err != nil {
			t.Fatal(err)
		}
		number, _ := r.status()
		if got := g.ask(g.known, path); got != strconv.Itoa(number)+" "+r.String() {
			t.Errorf("%s: %s", r, got)
		}
		in.Lift()
	}
	for name, fault := range map[string]Fault{"cut": {Kind: FaultShortBody, After: 100}, "reset": {Kind: FaultReset, After: 1}} {
		in, err := g.Faults.Inject(fault)
		if err != nil {
			t.Fatal(err)
		}
		if _, body, err := send(t, g.known, "GET", g.URL("https")+path, ""); err == nil {
			t.Errorf("%s: %d bytes", name, len(body))
		}
		in.Lift()
	}
	g.Kill()
	if _, _, err := send(t, g.known, "GET", g.URL("https")+path, ""); err == nil {
		t.Error("it answers when it is dead")
	}
	if err := g.Revive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := g.ask(g.known, path); got != "200 OK" {
		t.Errorf("revived: %s", got)
	}
}
