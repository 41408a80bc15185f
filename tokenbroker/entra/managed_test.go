package entra_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"branchpoint/integration/sim"
	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/entra"
)

// azure is a machine whose environment says nothing.
func azure(t *testing.T) {
	t.Helper()
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "MSI_ENDPOINT", "MSI_SECRET", "IMDS_ENDPOINT"} {
		t.Setenv(name, "")
	}
}

// metadata is a transport by which the address of the metadata service leads to the tenant's.
func (n *tenant) metadata(t *testing.T) http.RoundTripper {
	t.Helper()
	transport, err := ccm.NewTransport(ccm.TransportConfig{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != "169.254.169.254:80" {
			t.Errorf("%s is dialled", address)
		}
		return new(net.Dialer).DialContext(ctx, network, n.Address("http"))
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func TestManagedIdentity(t *testing.T) {
	n := newTenant(t, nil)
	system := n.register(t, sim.EntraApp{Managed: sim.SystemAssigned})
	user := n.register(t, sim.EntraApp{Managed: sim.UserAssigned})
	azure(t)
	t.Run("virtual machine", func(t *testing.T) { useIdentities(t, n, n.metadata(t), system, user) })
	t.Run("App Service", func(t *testing.T) {
		address, header := n.IdentityEndpoint()
		t.Setenv("IDENTITY_ENDPOINT", address)
		t.Setenv("IDENTITY_HEADER", header.Reveal())
		useIdentities(t, n, n.transport(t), system, user)
	})
}

func useIdentities(t *testing.T, n *tenant, transport http.RoundTripper, system, user sim.EntraApp) {
	t.Helper()
	config := entra.Config{Type: entra.ManagedIdentity, Transport: transport}
	issued := func(app sim.EntraApp) int {
		return n.Tokens(sim.EntraToken{ClientID: app.ClientID, Grant: "managed_identity"})
	}
	before := issued(system)
	own := source(t, config)
	first := token(t, own)
	token(t, own)
	if got := issued(system) - before; got != 1 {
		t.Errorf("%d tokens were issued to the machine, want 1", got)
	}
	own.Forget(first)
	if second := token(t, own); second.Reveal() == first.Reveal() {
		t.Error("the token that was refused is given out again")
	}
	before = issued(user)
	config.ClientID = user.ClientID
	token(t, source(t, config))
	if got := issued(user) - before; got != 1 {
		t.Errorf("%d tokens were issued to the identity that a user assigned, want 1", got)
	}
	config.ClientID = "00000000-0000-0000-0000-000000000000"
	_, err := source(t, config).Token(t.Context())
	expect(t, err, entra.ErrRefused, "HTTP 400, invalid_request")
	config.ClientID, config.Resource = "", "https://Other"
	_, err = source(t, config).Token(t.Context())
	expect(t, err, entra.ErrRefused, "HTTP 400, invalid_resource")
}

// TestNoMetadata is a machine that is none of Azure's.
func TestNoMetadata(t *testing.T) {
	azure(t)
	n := newTenant(t, nil)
	transport := n.metadata(t)
	n.Kill()
	_, err := source(t, entra.Config{Type: entra.ManagedIdentity, Transport: transport}).Token(t.Context())
	expect(t, err, ccm.ErrUnreachable, "there is no answer")
	if strings.Contains(err.Error(), "metadata/identity") {
		t.Errorf("the error has a URL: %v", err)
	}
}
