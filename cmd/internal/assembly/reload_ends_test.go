package assembly

import (
	"path/filepath"
	"testing"

	"branchpoint/tokenbroker/ccm"
	"branchpoint/tokenbroker/identity"
)

// TestEndsStay: what a reload finds as it was goes on, with its tokens and a sign-in that somebody is about to make. That the site
// says something else of the registration by now changes nothing of that; another client id does.
func TestEndsStay(t *testing.T) {
	dir := t.TempDir()
	who, err := identity.Create(identity.Config{Directory: filepath.Join(dir, "identity"), SiteCode: "PS1"})
	if err != nil {
		t.Fatal(err)
	}
	answer := ccm.Registration{SMSID: "GUID:0F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0", Approval: ccm.ApprovalPending}
	if who, err = who.SaveSMSID(answer); err != nil {
		t.Fatal(err)
	}
	r := newRigIn(t, dir, "management_points: ['http://127.0.0.1:9']\nsite: {code: PS1}\nidentity: {directory: identity}\nlisteners: [{address: '127.0.0.1:0'}]\n")
	before := r.station.ends
	for _, c := range []struct {
		name  string
		news  func() (*identity.Identity, error)
		stays bool
	}{
		{"nothing", func() (*identity.Identity, error) { return who, nil }, true},
		{"approved", func() (*identity.Identity, error) { answer.Approval = ccm.Approved; return who.SaveState(answer) }, true},
		{"registered anew", func() (*identity.Identity, error) {
			answer.SMSID = "GUID:1F1E2D3C-4B5A-6978-8796-A5B4C3D2E1F0"
			return who.SaveSMSID(answer)
		}, false},
	} {
		if _, err := c.news(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Reload(); err != nil {
			t.Fatal(err)
		}
		if stays := r.station.ends == before; stays != c.stays {
			t.Errorf("%s: the ends stay: %v, want %v", c.name, stays, c.stays)
		}
	}
}
