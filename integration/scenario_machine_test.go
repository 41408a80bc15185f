package integration

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchpoint/integration/sim"
)

// mpDoor is a way into a management point.
type mpDoor struct{ scheme, directory string }

// plainDoor lets everybody in: signatures in the messages say who it is. accountDoor lets in who logs in with a Windows account,
// and tokenDoor who shows a CCM token, which CCM_STS gives for one of Entra.
func plainDoor() mpDoor   { return mpDoor{"http", "ccm_system"} }
func accountDoor() mpDoor { return mpDoor{"http", "ccm_system_windowsauth"} }
func tokenDoor() mpDoor   { return mpDoor{"https", "ccm_system_tokenauth"} }

// entrances are the doors by which a kind of machine registers. A hybrid machine has two, and uses both.
func entrances(kind sim.MachineKind) []mpDoor {
	switch kind {
	case sim.ADJoined:
		return []mpDoor{accountDoor()}
	case sim.EntraJoined:
		return []mpDoor{tokenDoor()}
	case sim.Hybrid:
		return []mpDoor{accountDoor(), tokenDoor()}
	}
	return []mpDoor{plainDoor()}
}

// dailyDoor is the one by which the box asks when it is registered: over plain http, where the token of a distribution point is not
// that of CCM_STS.
func (c officeConfig) dailyDoor() mpDoor {
	switch {
	case c.form.Form == sim.DeliverNowhere:
		return tokenDoor()
	case c.kind == sim.ADJoined || c.kind == sim.Hybrid:
		return accountDoor()
	}
	return plainDoor()
}

// enter makes the machine, and writes what it authenticates with and its configurations: that of every day, and one for each door.
func (o *office) enter(t testing.TB) {
	t.Helper()
	var err error
	o.machine, err = sim.NewMachine(o.config.kind, "PC1")
	must(t, err)
	secrets, entra := map[string]string{}, ""
	if o.machine.Account.Name != "" {
		o.site.ManagementPoint.Join(o.machine.Account)
		secrets["windows.password"] = o.machine.Account.Password.Reveal()
	}
	if o.machine.DeviceID != "" {
		app, err := o.site.Entra.Enroll(o.machine)
		must(t, err)
		secrets["entra.secret"] = app.Secret.Reveal()
		entra = fmt.Sprintf("entra: {type: client_credentials, tenant: %s, client_id: %s, secret_file: '$DIR/entra.secret', authority: '%s'}\n",
			o.site.Entra.Tenant(), app.ClientID, o.site.Entra.URL("https"))
	}
	daily := o.doorYAML(o.config.dailyDoor()) + o.config.form.yaml()
	extra := "identity: {directory: '$DIR/identity'}\nlog: {level: debug}\n" + entra
	if o.config.extra != nil {
		extra += o.config.extra(o)
	}
	named := o.dps
	if o.config.unnamed {
		named = nil
	}
	o.box = newBox(t, o.site.CA, named, daily+extra)
	for name, text := range secrets {
		must(t, os.WriteFile(o.path(name), []byte(text), 0o600))
	}
	text, err := os.ReadFile(o.path("branchpoint.yaml"))
	must(t, err)
	place := strings.NewReplacer("$DIR", o.dir)
	for _, door := range entrances(o.config.kind) {
		there := strings.Replace(string(text), place.Replace(daily), place.Replace(o.doorYAML(door)), 1)
		must(t, os.WriteFile(o.path(door.directory+".yaml"), []byte(there), 0o600))
	}
}

// path is that of a file of the box.
func (o *office) path(name string) string { return filepath.Join(o.dir, name) }

// doorYAML configures a site that is asked by a door.
func (o *office) doorYAML(door mpDoor) string {
	mp := o.site.ManagementPoint
	y := fmt.Sprintf("site:\n  code: %s\n  host: %s\n  management_point: %s\n  directory: %s\n",
		mp.SiteCode(), o.machine.Name, mp.URL(door.scheme), door.directory)
	if door == accountDoor() {
		y += fmt.Sprintf("  windows_login: {user: '%s', password_file: '$DIR/windows.password'}\n", o.machine.Account)
	}
	return y
}

// register runs the verb at each of the doors of the machine. One without an account or a token waits for an administrator.
func (o *office) register() {
	o.t.Helper()
	mp := o.site.ManagementPoint
	for _, door := range entrances(o.config.kind) {
		o.run("identity", "register", "--config", o.path(door.directory+".yaml"))
	}
	want := map[sim.MachineKind]sim.Approval{
		sim.Workgroup: sim.ApprovalPending, sim.ADJoined: sim.Approved, sim.EntraJoined: sim.ApprovedByEntra, sim.Hybrid: sim.ApprovedByEntra,
	}[o.config.kind]
	clients := mp.Clients()
	if len(clients) != 1 || clients[0].Name != o.machine.Name || clients[0].Status != sim.Registered || clients[0].Approval != want {
		o.t.Fatalf("the site knows %+v, want one machine with the approval %d", clients, want)
	}
	if want == sim.ApprovalPending {
		must(o.t, mp.Approve(o.machine.Name))
	}
	o.registered = o.asked()
}

// officeAsked is what the site was asked for.
type officeAsked struct {
	located, messages int // questions for locations of contents, and messages for a token alone
	tokens, clouds    int // issued for the site's distribution points, and for others
	entra, exchanged  int // tokens of Entra, and those of CCM_STS
	other             int // answers of the management point to anything else but a registration, and the questions how one stands and who answers
}

// asked counts from the beginning what the machine asked for. The first half of a Windows login is no question.
func (o *office) asked() (a officeAsked) {
	for _, e := range o.site.ManagementPoint.Messages.Entries() {
		switch {
		case e.Machine != o.machine.Name, e.Status == http.StatusUnauthorized, e.Endpoint == "MP_ClientRegistration", e.Directory == "ccm_sts",
			e.Request == "SiteInformationRequest":
		case e.Request == "ContentLocationRequest":
			a.located++
		case e.Endpoint == "MP_TokenManager", e.Request == "TokenServicesRequest":
			a.messages++
		default:
			a.other++
		}
	}
	tally := o.site.ManagementPoint.Tally
	a.tokens = tally.Tokens(sim.MPToken{Machine: o.machine.Name, Audience: sim.AudienceSite})
	a.clouds = tally.Tokens(sim.MPToken{Machine: o.machine.Name}) - a.tokens
	a.entra, a.exchanged = o.site.Entra.Tokens(sim.EntraToken{}), o.site.TokenService.Issued("")
	return a
}

// since is what it was asked for since the machine registered.
func (o *office) since() officeAsked {
	now, then := o.asked(), o.registered
	return officeAsked{
		located: now.located - then.located, messages: now.messages - then.messages, tokens: now.tokens - then.tokens,
		clouds: now.clouds - then.clouds, entra: now.entra - then.entra, exchanged: now.exchanged - then.exchanged, other: now.other - then.other,
	}
}

// String is what the board says.
func (o *office) String() string {
	a := o.since()
	return fmt.Sprintf("form %s; by %s://…/%s; MP: %d locations, %d token messages, %d tokens of the site, %d of clouds; STS: %d; Entra: %d",
		o.config.form, o.config.dailyDoor().scheme, o.config.dailyDoor().directory, a.located, a.messages, a.tokens, a.clouds, a.exchanged, a.entra)
}
