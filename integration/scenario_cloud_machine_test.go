package integration

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchpoint/integration/sim"
)

// enter makes the machine, gives it what it authenticates with, and writes the configuration that it has on the internet: its
// management point is not to be reached there.
func (r *roaming) enter(t testing.TB, c roamingConfig) {
	t.Helper()
	var err error
	r.machine, err = sim.NewMachine(c.kind, "PC1")
	must(t, err)
	if c.pki {
		r.machine, err = r.machine.WithPKI(r.site.CA)
		must(t, err)
	}
	if r.machine.Account.Name != "" {
		r.site.ManagementPoint.Join(r.machine.Account)
	}
	r.box = newBox(t, r.site.CA, nil, r.cloudYAML(t, c.hosts())+strings.ReplaceAll(r.siteYAML(c)+r.keysYAML(t, c), "$KEYS", r.keys)+c.extra)
}

// nowhere stands in configurations for the management point that is not to be reached.
const nowhere = "http://127.0.0.1:1"

func (r *roaming) siteYAML(c roamingConfig) string {
	var y strings.Builder
	fmt.Fprintf(&y, "site:\n  code: PS1\n  host: %s\n  management_point: %s\n", r.machine.Name, nowhere)
	if c.pki {
		fmt.Fprintf(&y, "  gateway: %s\n", r.site.Gateway.MutualAuth(sim.DefaultBehind))
	} else if c.enrolled {
		fmt.Fprintf(&y, "  gateway: %s\n", r.site.Gateway.ServerAuth(sim.DefaultBehind))
	}
	if c.decode != "" {
		fmt.Fprintf(&y, "  dp_token: {decode: %s}\n", c.decode)
	}
	if account := r.machine.Account; account.Name != "" {
		fmt.Fprintf(&y, "  directory: ccm_system_windowsauth\n  windows_login: {user: '%s', password_file: '$KEYS/windows.password'}\n", account)
	}
	return y.String()
}

// keysYAML writes what the machine authenticates with, each in a file of its own.
func (r *roaming) keysYAML(t testing.TB, c roamingConfig) string {
	y := "identity: {directory: '$KEYS/identity'"
	if c.pki {
		y += ", certificate_file: '$KEYS/pki.pem', key_file: '$KEYS/pki.key'"
	}
	y += "}\n"
	if c.enrolled {
		app, err := r.site.Entra.Enroll(r.machine)
		must(t, err)
		r.secrets = append(r.secrets, secretFile{"entra.secret", app.Secret.Reveal()})
		y += fmt.Sprintf("entra: {type: client_credentials, tenant: %s, client_id: %s, secret_file: '$KEYS/entra.secret', authority: '%s'}\n",
			r.site.Entra.Tenant(), app.ClientID, r.site.Entra.URL("https"))
	}
	return y
}

// secretFile is something that a machine authenticates with.
type secretFile struct{ name, text string }

// office writes the secrets, and the configuration that the machine had on the corporate network.
func (r *roaming) office() {
	r.t.Helper()
	if r.machine.Account.Name != "" {
		r.secrets = append(r.secrets, secretFile{"windows.password", r.machine.Account.Password.Reveal()})
	}
	if pki := r.machine.PKI; pki != nil {
		var chain strings.Builder
		for _, der := range pki.Certificate {
			chain.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		}
		key, err := x509.MarshalPKCS8PrivateKey(pki.PrivateKey)
		must(r.t, err)
		r.secrets = append(r.secrets, secretFile{"pki.pem", chain.String()},
			secretFile{"pki.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))})
	}
	for _, s := range r.secrets {
		must(r.t, os.WriteFile(filepath.Join(r.keys, s.name), []byte(s.text), 0o600))
	}
	text, err := os.ReadFile(r.config("branchpoint.yaml"))
	must(r.t, err)
	there := strings.Replace(string(text), nowhere, r.site.ManagementPoint.URL("http"), 1)
	must(r.t, os.WriteFile(r.config("office.yaml"), []byte(there), 0o600))
}

// register runs the verb: through the gateway with what opens it, and otherwise on the corporate network, where a machine without an
// account waits for an administrator.
func (r *roaming) register(c roamingConfig) {
	r.t.Helper()
	mp := r.site.ManagementPoint
	if c.pki || c.enrolled {
		r.say("identity", "register", "--gateway", "--config", r.config("branchpoint.yaml"))
	} else {
		r.say("identity", "register", "--config", r.config("office.yaml"))
	}
	if c.kind == sim.Workgroup && !c.pki {
		must(r.t, mp.Approve(r.machine.Name))
	}
	clients := mp.Clients()
	if len(clients) != 1 || clients[0].Name != r.machine.Name || clients[0].Status != sim.Registered || clients[0].Approval == sim.ApprovalPending {
		r.t.Fatalf("the site knows %+v", clients)
	}
	r.registered = r.asked()
}

// say runs a verb and keeps what it prints.
func (r *roaming) say(args ...string) {
	r.t.Helper()
	r.said = append(r.said, r.run(args...))
}

// asked is what the site was asked for, and by which key.
type asked struct {
	located, tokens        int // questions for the locations of contents, and tokens that were issued with the answers
	byCertificate, byToken int // requests to the gateway
	entra, exchanged       int // tokens of Entra, and those of CCM_STS
}

func (r *roaming) asked() asked {
	mp, gateway := r.site.ManagementPoint.Tally, r.site.Gateway
	return asked{
		located: mp.Requests(sim.MPRequest{Request: "ContentLocationRequest"}), tokens: mp.Tokens(sim.MPToken{}),
		byCertificate: gateway.Requests(sim.GatewayRequest{Auth: "mutual"}), byToken: gateway.Requests(sim.GatewayRequest{Auth: "server"}),
		entra: r.site.Entra.Tokens(sim.EntraToken{}), exchanged: r.site.TokenService.Issued(""),
	}
}
